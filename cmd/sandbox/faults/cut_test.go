package faults

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

// A connection that is cut after COMMIT was sent has committed, and does not know it;
// so has one that is cut after a statement of its own.
func TestACutConnectionHasCommitted(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	direct, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "CREATE TABLE written (by text)"); err != nil {
		t.Fatal(err)
	}
	c, err := openCutter(url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.close() }()
	writes := map[string]func(conn *pgx.Conn) error{
		cutCommit: func(conn *pgx.Conn) error {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), "INSERT INTO written VALUES ($1)", cutCommit); err != nil {
				t.Fatal(err)
			}
			c.cut(1)
			return tx.Commit(t.Context())
		},
		cutStatement: func(conn *pgx.Conn) error {
			if _, err := conn.Prepare(t.Context(), "write", "INSERT INTO written VALUES ($1)"); err != nil {
				t.Fatal(err)
			}
			c.cut(1)
			_, err := conn.Exec(t.Context(), "write", cutStatement)
			return err
		},
	}
	for what, write := range writes {
		c.cut(0)
		conn, err := pgx.Connect(t.Context(), c.url(direct.Config().Database))
		if err != nil {
			t.Fatal(err)
		}
		if err := write(conn); err == nil {
			t.Errorf("%s: the client was told of its commit", what)
		}
		conn.Close(t.Context())
		var rows int
		if err := direct.QueryRow(t.Context(), "SELECT count(*) FROM written WHERE by = $1", what).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%s: %d rows, %v", what, rows, err)
		}
		if c.counts()[what] != 1 {
			t.Errorf("%s: counted %v", what, c.counts())
		}
	}
}
