package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal"
)

func query[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func name(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

const countTables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			db := Open(t)
			if _, err := db.Pool.Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
				t.Fatal(err)
			}
			if err := db.SchemaCurrent(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEmptyHasNoTables(t *testing.T) {
	t.Parallel()
	if n := query[int](t, Empty(t), countTables); n != 0 {
		t.Errorf("%d tables", n)
	}
}

func TestDatabasesAreDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := Server(t)
	var names []string
	t.Run("inner", func(t *testing.T) {
		url := URL(t)
		conn, err := pgx.Connect(t.Context(), url) // left open: dropping has to insist
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, conn.Config().Database, name(t, Empty(t)))
	})
	left := query[int](t, s.URL(""), "SELECT count(*) FROM pg_database WHERE datname = ANY($1)", names)
	if left != 0 {
		t.Errorf("%d of %v are still there", left, names)
	}
}

// schema is a migration of one table, new to every server.
func schema(table string) fstest.MapFS {
	return fstest.MapFS{"migrations/1.sql": {Data: []byte("CREATE TABLE " + table + " (id int) -- " + rand.Text())}}
}

func migration(files fstest.MapFS, runs *atomic.Int32) func(context.Context, string) error {
	return func(ctx context.Context, url string) error {
		runs.Add(1)
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, string(files["migrations/1.sql"].Data))
		return errors.Join(err, conn.Close(ctx))
	}
}

func TestTemplateIsMadeOncePerHash(t *testing.T) {
	t.Parallel()
	s := Server(t)
	files := schema("once")
	var runs atomic.Int32
	var all sync.WaitGroup
	for range 4 { // as four test processes on one server would
		all.Go(func() {
			if _, err := template(t.Context(), s, files, migration(files, &runs)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if runs.Load() != 1 {
		t.Errorf("migrated %d times", runs.Load())
	}
	first, err := template(t.Context(), s, files, migration(files, &runs))
	if err != nil {
		t.Fatal(err)
	}
	more := schema("more")
	other, err := template(t.Context(), s, more, migration(more, &runs))
	if err != nil || other == first {
		t.Errorf("another schema has the same template %s (%v)", other, err)
	}
	if n := query[int](t, database(t, s, first), countTables+" AND table_name = 'once'"); n != 1 {
		t.Error("the clone lacks the table of its template")
	}
}

func TestHalfMadeTemplateIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := Server(t)
	files := schema("half")
	broken := errors.New("killed in the middle")
	var runs atomic.Int32
	_, err := template(t.Context(), s, files, func(ctx context.Context, url string) error {
		return errors.Join(migration(files, &runs)(ctx, url), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if _, err := template(t.Context(), s, files, migration(files, &runs)); err != nil || runs.Load() != 2 {
		t.Errorf("migrated %d times, %v", runs.Load(), err)
	}
}

func TestHashCoversNamesAndTexts(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	seen := map[string]int{}
	for i, files := range []fstest.MapFS{
		{"m/1.sql": file("a"), "m/2.sql": file("b")},
		{"m/1.sql": file("a"), "m/3.sql": file("b")},
		{"m/1.sql": file("b"), "m/2.sql": file("a")},
		{"m/1.sql": file("a"), "m/2.sql": file("b2")},
		{"m/1.sql": file("a")},
	} {
		hash, err := hashFiles(files)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[hash]; ok {
			t.Errorf("schemas %d and %d have one hash", before, i)
		}
		seen[hash] = i
	}
}

// again runs one test of this binary in another process.
func again(t *testing.T, test string, env string, flags ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], append(flags, "-test.v", "-test.run=^"+test+"$")...)
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestWhereAmI only tells the tests below which server it was given.
func TestWhereAmI(t *testing.T) {
	t.Parallel()
	t.Logf("server: %s, migrated: %d", query[string](t, URL(t), "SHOW data_directory"), query[int](t, URL(t), countTables))
}

func TestGivenServerIsUsed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: this test needs Postgres")
	}
	// A server of its own, so that the test also works where one was given.
	s, err := pglocal.Start(t.Context(), pglocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	out := again(t, "TestWhereAmI", "TEST_DATABASE_URL="+s.URL(""))
	if !strings.Contains(out, "server: "+s.Dir()+"/data, migrated: ") {
		t.Errorf("another server was used:\n%s", out)
	}
	if n := query[int](t, s.URL(""), "SELECT count(*) FROM pg_database WHERE datname LIKE 'membership_template_%'"); n != 1 {
		t.Errorf("%d templates on the given server", n)
	}
}

func TestOnlyShortSkips(t *testing.T) {
	t.Parallel()
	if out := again(t, "TestWhereAmI", "", "-test.short"); !strings.Contains(out, "--- SKIP: TestWhereAmI") {
		t.Errorf("-short did not skip:\n%s", out)
	}
}

// Without a server a test fails: a green run means that the database was there.
func TestNoServerFails(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWhereAmI$")
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL=", "PG_BIN=/nowhere")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "three ways out") {
		t.Errorf("%v\n%s", err, out)
	}
}
