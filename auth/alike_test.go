package auth

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// recordSQL calls back with every statement that goes through db, without its
// values.
func recordSQL(t *testing.T, db *gorm.DB, seen func(sql string)) {
	t.Helper()
	c := db.Callback()
	for _, register := range []func(string, func(*gorm.DB)) error{
		c.Create().Register, c.Query().Register, c.Update().Register, c.Delete().Register, c.Row().Register, c.Raw().Register,
	} {
		if err := register("test:record", func(tx *gorm.DB) { seen(tx.Statement.SQL.String()) }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKnownAndUnknownAddressesLookAlike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn(t, "known@example.org")
	var statements []string
	recordSQL(t, b.db.DB, func(sql string) { statements = append(statements, sql) })
	record := func(email string) (sql, jobs []string) {
		statements = nil
		if _, err := b.RequestSignIn(t.Context(), SignIn{Email: email, Kind: models.SignInReader}); err != nil {
			t.Fatal(err)
		}
		sql = statements
		err := b.db.Raw(`SELECT kind || ' ' || queue || ' ' || priority || ' ' || max_attempts || ' ' ||
			array_to_string(ARRAY(SELECT jsonb_object_keys(args)), ',') FROM river_job ORDER BY id DESC LIMIT 1`).Scan(&jobs).Error
		if err != nil {
			t.Fatal(err)
		}
		return sql, jobs
	}
	knownSQL, knownJobs := record("known@example.org")
	unknownSQL, unknownJobs := record("unknown@example.org")
	if len(knownSQL) == 0 || len(knownJobs) != 1 {
		t.Fatalf("recorded nothing: %v, %v", knownSQL, knownJobs)
	}
	if diff := cmp.Diff(knownSQL, unknownSQL) + cmp.Diff(knownJobs, unknownJobs); diff != "" {
		t.Error(diff)
	}
}
