package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// What waits for its sync will be seen by it. What is being synced may have been asked
// for before it changed, and is synced once more. What is dead stays so.
func TestMarkStale(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for id, row := range map[string]models.SyncSubject{
		"cus_clean":   {Dirty: 2, Claimed: 2, Synced: 2},
		"cus_syncing": {Dirty: 2, Claimed: 2, Synced: 1},
		"cus_waiting": {Dirty: 2, Claimed: 1, Synced: 1},
		"cus_dead":    {Dirty: 2, Claimed: 2, Synced: 2, DeadAt: &noon},
	} {
		row.ID, row.Kind, row.NextAt = id, models.SubjectCustomer, noon
		if err := db.Create(&row).Error; err != nil {
			t.Fatal(err)
		}
	}
	var marked []string
	err := db.Write(t.Context(), func(tx *gorm.DB) (err error) {
		marked, err = models.MarkStale(tx, []models.SyncSubject{
			subject("cus_waiting"), subject("cus_syncing"), subject("cus_new"), subject("cus_dead"), subject("cus_clean"), subject("cus_clean"),
		}, noon)
		return err
	})
	if diff := cmp.Diff([]string{"cus_clean", "cus_new", "cus_syncing"}, marked); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	wantCounts(t, db, map[string]int64{"cus_clean": 3, "cus_syncing": 3, "cus_new": 1, "cus_waiting": 2, "cus_dead": 2})
}
