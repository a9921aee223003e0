package pglocal

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTemporaryDataLieInMemoryIfThereIsRoom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		memory string
		room   uint64
		want   string
	}{
		{"/", 0, "/"},
		{"/", math.MaxUint64, socketRoot},
		{"/no/such/folder", 0, socketRoot},
	} {
		if got := temporaryRoot(c.memory, c.room); got != c.want {
			t.Errorf("%s with room for %d: got %s, want %s", c.memory, c.room, got, c.want)
		}
	}
}

// So nothing is left when there are no binaries, or the data are in use.
func TestReleaseRemovesWhatNoWatcherWill(t *testing.T) {
	t.Parallel()
	h, err := claim(t.Context(), keptDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.release(); err != nil || exists(h.scratch) || !exists(h.base) {
		t.Errorf("got %v; %+v", err, h)
	}
}

// t.TempDir is below a directory that only its owner may enter, as a clone below
// /root is. Other users than root stay where they were told.
func TestSettleMovesWhatPostgresCannotReach(t *testing.T) {
	t.Parallel()
	dir, other := filepath.Join(t.TempDir(), "pg"), t.TempDir()
	base, as, err := settle(dir, other)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if base != dir || as != nil {
			t.Errorf("moved to %s as %v without need", base, as)
		}
		return
	}
	if filepath.Dir(base) != other || as == nil {
		t.Errorf("got %s as %v, want a directory below %s as another user", base, as, other)
	}
	if again, _, err := settle(dir, other); err != nil || again != base {
		t.Errorf("the second time %s, the first time %s (%v)", again, base, err)
	}
	if neighbour, _, err := settle(dir+"2", other); err != nil || neighbour == base {
		t.Errorf("two directories share %s (%v)", base, err)
	}
}

func TestElsewhereIsOpenToTheServersUser(t *testing.T) {
	t.Parallel()
	other := keptDir(t)
	if err := os.Mkdir(other, 0o700); err != nil { // as under umask 077
		t.Fatal(err)
	}
	var h home
	if err := h.kept(filepath.Join(t.TempDir(), "pg"), other); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.release() })
	if !reaches(h.as, h.base) {
		t.Errorf("user %v cannot enter %s", h.as, h.base)
	}
}

func TestSettleStaysWherePostgresCanBe(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	link := filepath.Join(filepath.Dir(dir), "link")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{dir, link} {
		if base, _, err := settle(given, "/nowhere"); err != nil || base != dir {
			t.Errorf("%s: got %s, %v", given, base, err)
		}
	}
}

func TestUnreachableDirectorySimplyWorks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "pg")
	t.Cleanup(func() { // after the server's own
		if err := Remove(context.Background(), dir); err != nil {
			t.Error(err)
		}
	})
	s := start(t, Options{Dir: dir})
	if os.Geteuid() == 0 && !strings.HasPrefix(s.Dir(), elsewhere+"/") {
		t.Errorf("data of root lie in %s", s.Dir())
	}
	if got := ask(t, s.URL(""), "SELECT 'yes'"); got != "yes" {
		t.Errorf("got %q", got)
	}
}

func TestOwnerOfDataRunsTheServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	before, err := runAs(data)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if before != nil {
			t.Errorf("changed to user %d, which only root may", before.Uid)
		}
		return
	}
	if before == nil || before.Uid == 0 {
		t.Fatalf("root's data would be served as %v", before)
	}
	const nobody = 65534
	if err := os.Chown(data, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if as, err := runAs(data); err != nil || as.Uid != nobody {
		t.Errorf("got %v, %v", as, err)
	}
	const unknown = 54321
	if err := os.Chown(data, unknown, unknown); err != nil {
		t.Fatal(err)
	}
	if as, err := runAs(data); err != nil || as.Uid != before.Uid {
		t.Errorf("a user that does not exist: got %v, %v", as, err)
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	letter := filepath.Join(dir, "letter.txt")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(letter, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "other files") {
		t.Errorf("start: %v", err)
	}
	if err := Remove(t.Context(), dir); err == nil || !exists(letter) {
		t.Errorf("remove: %v", err)
	}
}

func TestLockSaysWhoIsInTheWay(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	s := start(t, Options{Dir: dir})
	if _, err := lockDir(t.Context(), dir, poll); !errors.Is(err, ErrInUse) {
		t.Errorf("while the server runs: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	// A child that another test is just starting holds every open file for a moment.
	lock, err := lockDir(t.Context(), dir, lockPatience)
	if err != nil {
		t.Fatalf("after it stopped: %v", err)
	}
	lock.Close()
}
