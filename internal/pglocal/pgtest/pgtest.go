// Package pgtest gives each test a Postgres database of its own, in which commits
// and locks are real. One server serves the whole test process and ends with it.
// With TEST_DATABASE_URL set, the server there is used and none is started. Only
// -short skips a test that needs a database.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal"
	"newsroom.example/membership/models"
)

// connections is how many a test's handle may hold; the server takes 200 for all.
const connections = 8

// patience bounds the making and dropping of one database.
const patience = time.Minute

// server is one for the process, since a start costs as much as ten databases.
// Nobody stops it: the server itself ends when the process does.
var server = sync.OnceValues(func() (*pglocal.Server, error) {
	if url := pglocal.TestURL(); url != "" {
		return pglocal.Use(url)
	}
	return pglocal.Start(context.Background(), pglocal.Options{})
})

// migrated is the name of the template with this program's schema.
var migrated = sync.OnceValues(func() (string, error) {
	s, err := server()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return template(ctx, s, models.Migrations, models.Migrate)
})

// Server is the server of this test process. It is shared: a test that stops or
// crashes a server starts one with pglocal.Start.
func Server(t testing.TB) *pglocal.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: this test needs Postgres")
	}
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Open is a handle on a new, migrated database, closed and dropped when the test
// ends.
func Open(t testing.TB) *models.DB {
	t.Helper()
	db, err := models.Open(t.Context(), URL(t), connections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// URL is the address of a new, migrated database, dropped when the test ends,
// whoever is still connected.
func URL(t testing.TB) string {
	t.Helper()
	s := Server(t)
	name, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	return database(t, s, name)
}

// Empty is the address of a new database without tables, dropped when the test
// ends.
func Empty(t testing.TB) string {
	t.Helper()
	return database(t, Server(t), "template0")
}

func database(t testing.TB, s *pglocal.Server, template string) string {
	t.Helper()
	name := "membership_test_" + strings.ToLower(rand.Text())
	if err := admin(t.Context(), s, func(ctx context.Context, conn *pgx.Conn) error {
		return clone(ctx, conn, name, template)
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := admin(context.Background(), s, func(ctx context.Context, conn *pgx.Conn) error {
			return drop(ctx, conn, name)
		}); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

// admin runs fn on a connection to the database that every server has.
func admin(ctx context.Context, s *pglocal.Server, fn func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(""))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return fn(ctx, conn)
}
