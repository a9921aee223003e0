package models_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// every is each row type that a table stands behind.
var every = []any{
	&models.Member{}, &models.Feature{}, &models.Plan{}, &models.PlanFeature{}, &models.Product{}, &models.Price{},
	&models.DonationOption{}, &models.DonationPreset{}, &models.Customer{}, &models.Subscription{}, &models.Donation{},
	&models.CheckoutIntent{}, &models.Payment{}, &models.Refund{}, &models.Dispute{}, &models.SyncSubject{},
	&models.StripeEvent{}, &models.Grant{}, &models.GrantEvent{}, &models.SignInAttempt{}, &models.SignInLimit{}, &models.AddressChange{}, &models.Session{}, &models.SigningKey{}, &models.AuditEntry{}, &models.Errand{}, &models.PolicyInForce{}, &models.Sweep{},
	&models.Revocation{}, &models.Client{}, &models.ClientCode{},
}

func TestMigrationsGoUpDownAndUpAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	for _, step := range []func(context.Context, string) error{models.Migrate, models.MigrateDown, models.Migrate} {
		if err := step(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigratingAtOnceIsSafe(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := models.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestSchemaCurrent(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	db, err := models.Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.SchemaCurrent(t.Context()); !errors.Is(err, models.ErrSchemaBehind) {
		t.Errorf("before migrating: %v", err)
	}
	if err := models.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := db.SchemaCurrent(t.Context()); err != nil {
		t.Errorf("after migrating: %v", err)
	}
}

// ddl keeps the statements that change a table.
type ddl struct {
	logger.Interface
	statements []string
}

func (d *ddl) LogMode(logger.LogLevel) logger.Interface { return d }

func (d *ddl) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	sql, _ := statement()
	for _, verb := range []string{"CREATE", "ALTER", "DROP", "COMMENT"} {
		if strings.HasPrefix(strings.TrimSpace(sql), verb) {
			d.statements = append(d.statements, sql)
		}
	}
}

// The rows in Go and the tables in SQL say the same: GORM's migrator, set on a
// migrated database, finds nothing to do.
func TestModelsAreTheSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	seen := &ddl{Interface: logger.Discard}
	session := db.Session(&gorm.Session{Logger: seen, NewDB: true})
	if err := session.AutoMigrate(every...); err != nil {
		t.Fatal(err)
	}
	if len(seen.statements) > 0 {
		t.Errorf("the models differ from the migrations:\n%s", strings.Join(seen.statements, "\n"))
	}
}

// And the other way: each column of each table has a field, of the same type and
// nullability.
func TestSchemaIsTheModels(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	want, got := map[string]string{}, map[string]string{}
	for _, row := range every {
		stmt := &gorm.Statement{DB: db.DB}
		if err := stmt.Parse(row); err != nil {
			t.Fatal(err)
		}
		for _, f := range stmt.Schema.Fields {
			if f.DBName != "" {
				null := !f.NotNull && !f.PrimaryKey
				want[stmt.Schema.Table+"."+f.DBName] = fmt.Sprintf("%s null=%t", f.TagSettings["TYPE"], null)
			}
		}
	}
	var columns []struct{ TableName, ColumnName, DataType, IsNullable string }
	err := db.Raw(`SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'river%' AND table_name <> 'goose_db_version'`).Scan(&columns).Error
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		kind := strings.Replace(c.DataType, "timestamp with time zone", "timestamptz", 1)
		got[c.TableName+"."+c.ColumnName] = fmt.Sprintf("%s null=%t", kind, c.IsNullable == "YES")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-) and columns (+) differ:\n%s", diff)
	}
}

// Foreign keys without an index on their side make each delete and each join read
// the whole table.
func TestEveryForeignKeyIsIndexed(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var bare []string
	err := db.Raw(`
		SELECT c.conrelid::regclass || '.' || a.attname
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND NOT EXISTS (
			SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])`).Scan(&bare).Error
	if err != nil {
		t.Fatal(err)
	}
	if len(bare) > 0 {
		slices.Sort(bare)
		t.Errorf("foreign keys without an index: %s", strings.Join(bare, ", "))
	}
}
