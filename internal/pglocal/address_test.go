package pglocal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestURLNamesTheDatabase(t *testing.T) {
	t.Parallel()
	type target struct {
		Host, User, Database string
		Port                 uint16
	}
	for given, want := range map[string]target{
		socketAddress("/tmp/a").given:                              {Host: "/tmp/a", User: "postgres", Database: "odd na'me", Port: 5432},
		"postgres://me:secret@db.example:6432/one?sslmode=disable": {Host: "db.example", User: "me", Database: "odd na'me", Port: 6432},
		"host=db.example user=me dbname=one sslmode=disable":       {Host: "db.example", User: "me", Database: "odd na'me", Port: 5432},
	} {
		s, err := Use(given)
		if err != nil {
			t.Fatal(err)
		}
		if s.URL("") != given {
			t.Errorf("URL of no database: got %s, want %s", s.URL(""), given)
		}
		c, err := pgx.ParseConfig(s.URL("odd na'me"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, target{c.Host, c.User, c.Database, c.Port}); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", given, diff)
		}
	}
}

func TestUseKeepsPasswordsOutOfErrors(t *testing.T) {
	t.Parallel()
	_, err := Use("postgres://me:secret@db.example:port/one")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestUseLeavesTheServerAlone(t *testing.T) {
	t.Parallel()
	own := start(t, Options{})
	used, err := Use(own.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := used.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := used.Crash(); err == nil {
		t.Error("a server of somebody else's was crashed")
	}
	if got := ask(t, used.URL("postgres"), "SELECT 'yes'"); got != "yes" || used.Dir() != "" {
		t.Errorf("got %q, data in %q", got, used.Dir())
	}
}
