package faults

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

// cutting is a cutter before a database with one table.
type cutting struct {
	*testing.T
	cutter *cutter
	direct *pgx.Conn
}

func newCutting(t *testing.T) cutting {
	t.Helper()
	url := pgtest.Empty(t)
	direct := connect(t, url)
	if _, err := direct.Exec(t.Context(), "CREATE TABLE written (by text)"); err != nil {
		t.Fatal(err)
	}
	c, err := openCutter(url, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	return cutting{t, c, direct}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.PgConn().Conn().Close() })
	return conn
}

// commit writes in a transaction, and is cut off at its end.
func (c cutting) commit(conn *pgx.Conn) error {
	tx, err := conn.Begin(c.Context())
	if err == nil {
		_, err = tx.Exec(c.Context(), "INSERT INTO written VALUES ($1)", cutCommit)
	}
	if err != nil {
		c.Fatal(err)
	}
	c.cutter.cut(1)
	return tx.Commit(c.Context())
}

// statement writes without one, and is cut off.
func (c cutting) statement(conn *pgx.Conn) error {
	if _, err := conn.Prepare(c.Context(), "write", "INSERT INTO written VALUES ($1)"); err != nil {
		c.Fatal(err)
	}
	c.cutter.cut(1)
	_, err := conn.Exec(c.Context(), "write", cutStatement)
	return err
}

// A connection that is cut after COMMIT was sent has committed, and does not know it;
// so has one that is cut after a statement of its own.
func TestACutConnectionHasCommitted(t *testing.T) {
	t.Parallel()
	c := newCutting(t)
	for what, write := range map[string]func(*pgx.Conn) error{cutCommit: c.commit, cutStatement: c.statement} {
		c.cutter.cut(0)
		if err := write(connect(t, c.cutter.url(c.direct.Config().Database))); err == nil {
			t.Errorf("%s: the client was told of its commit", what)
		}
		var rows int
		if err := c.direct.QueryRow(t.Context(), "SELECT count(*) FROM written WHERE by = $1", what).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%s: %d rows, %v", what, rows, err)
		}
		if c.cutter.counts()[what] != 1 {
			t.Errorf("%s: counted %v", what, c.cutter.counts())
		}
	}
}

// A stalled connection writes nothing until it is released, and everything then.
func TestAStalledConnectionGoesOn(t *testing.T) {
	t.Parallel()
	c := newCutting(t)
	conn := connect(t, c.cutter.url(c.direct.Config().Database))
	release := c.cutter.stall()
	done := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "INSERT INTO written VALUES ('late')")
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("it was answered while it was stalled: %v", err)
	default:
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
