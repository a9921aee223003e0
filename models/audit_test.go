package models_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

// changing are the ways in which code could change or remove an entry of the audit
// log. Migrations that only add columns or indexes are none.
var changing = regexp.MustCompile(`(?is)(UPDATE|DELETE\s+FROM|TRUNCATE)\s+(ONLY\s+)?audit_log\b|` +
	`(Save|Delete)\([^)\n]*AuditEntry|Model\([^)\n]*AuditEntry[^\n]*\)\.(\s*\w+\([^\n]*\)\.)*\s*(Update|Delete)|ON CONFLICT[^;]*DO UPDATE[^;]*audit_log`)

// The audit log is append-only: nothing in the code changes or removes an entry.
func TestNothingChangesTheAuditLog(t *testing.T) {
	t.Parallel()
	read := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".sql" {
			return err
		}
		text, err := os.ReadFile(path)
		if found := changing.Find(text); found != nil {
			t.Errorf("%s changes the audit log: %s", path, found)
		}
		read++
		return err
	})
	if err != nil || read < 100 {
		t.Fatalf("read %d files, %v", read, err)
	}
}

// The test above knows the ways.
func TestWaysToChangeTheAuditLogAreKnown(t *testing.T) {
	t.Parallel()
	for _, way := range []string{
		"UPDATE audit_log SET reason = ''", "delete\n from audit_log", "TRUNCATE audit_log", `tx.Save(&models.AuditEntry{})`,
		`tx.Where("id = ?", id).Delete(&AuditEntry{})`, `db.Model(&models.AuditEntry{}).Where("a").Update("reason", "")`, `db.Model(&AuditEntry{}).Updates(m)`,
	} {
		if !changing.MatchString(way) {
			t.Errorf("not known: %s", way)
		}
	}
	for _, fine := range []string{"INSERT INTO audit_log", `tx.Create(&entry)`, "SELECT * FROM audit_log", `db.Model(&models.AuditEntry{}).Where("a").Count(&n)`} {
		if changing.MatchString(fine) {
			t.Errorf("refused: %s", fine)
		}
	}
}

// What was done about a guest's payment, who has no member to look by, is found by
// its subject however long the log has grown.
func TestTheAuditLogIsFoundBySubject(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, statement := range []string{
		`INSERT INTO audit_log (id, at, actor, action, subject, reason)
			SELECT gen_random_uuid(), now(), 'cli:desk', 'refund.made', 'pi_' || i, 'Moved away' FROM generate_series(1, 5000) i`,
		`ANALYZE audit_log`,
	} {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	var plan []string
	err := db.Raw("EXPLAIN SELECT * FROM audit_log WHERE subject = 'pi_7' AND action LIKE 'refund.%'").Scan(&plan).Error
	if err != nil || strings.Contains(strings.Join(plan, "\n"), "Seq Scan") {
		t.Errorf("the whole log is read: %s, %v", plan, err)
	}
}
