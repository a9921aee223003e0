package models_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// A caller that leaves while its transaction writes through the pgx view gets an error
// and a rollback; the two ways to one connection never meet on it.
func TestACallerThatLeavesWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	long := strings.Repeat("x", 1<<16)
	for round := range 20 {
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(round)*100*time.Microsecond, leave)
		err := db.Write(ctx, func(tx *gorm.DB) error {
			view, err := models.PgxTx(tx)
			for err == nil {
				_, err = view.Exec(ctx, `INSERT INTO features (id, description, created_at) VALUES ('a:b', $1, $2) ON CONFLICT DO NOTHING`, long, noon)
			}
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	var kept int64
	if err := db.Model(&models.Feature{}).Count(&kept).Error; err != nil || kept != 0 {
		t.Errorf("%d rows were kept, %v", kept, err)
	}
}
