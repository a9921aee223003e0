package pglocal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// install makes a folder with an initdb that says which version it is.
func install(t *testing.T, folder, says string) string {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\necho 'initdb (PostgreSQL) %s'\n", says)
	program(t, filepath.Join(folder, "initdb"), script)
	return folder
}

func program(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		t.Fatal(err)
	}
}

// made is a data directory of that version.
func made(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte(version+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	old := install(t, filepath.Join(root, "usual/9/bin"), "9.6.24")
	v14 := install(t, filepath.Join(root, "usual/14/bin"), "14.1")
	v15 := install(t, filepath.Join(root, "usual/15/bin"), "15.18 (Debian 15.18-0+deb12u1)")
	v18 := install(t, filepath.Join(root, "hidden/18/bin"), "18beta1")
	program(t, filepath.Join(root, "usual/17/bin/psql"), "#!/bin/sh\n") // a client only
	program(t, filepath.Join(root, "config/pg_config"), "#!/bin/sh\necho "+v18+"\n")
	links := filepath.Join(root, "links")
	if err := errors.Join(os.Mkdir(links, 0o755), os.Symlink(v18+"/initdb", links+"/initdb")); err != nil {
		t.Fatal(err)
	}
	usual := filepath.Join(root, "usual/*/bin")
	for name, c := range map[string]struct {
		pgBin, path, usual, data string
		want, wantErr            string
	}{
		"newest of the usual folders":    {usual: usual, want: v15},
		"pg_config knows a newer one":    {usual: usual, path: filepath.Join(root, "config"), want: v18},
		"a link in PATH is followed":     {usual: usual, path: links, want: v18},
		"PG_BIN wins over newer ones":    {usual: usual, path: links, pgBin: v14, want: v14},
		"PG_BIN without a server":        {usual: usual, pgBin: root, wantErr: "PG_BIN"},
		"PG_BIN too old":                 {usual: usual, pgBin: old, wantErr: "PG_BIN"},
		"data choose their version":      {usual: usual, path: links, data: made(t, "14"), want: v14},
		"data of a version not here":     {usual: usual, data: made(t, "16"), wantErr: "Postgres 16"},
		"PG_BIN does not fit the data":   {usual: usual, pgBin: v15, data: made(t, "14"), wantErr: "made by Postgres 14"},
		"data that are not of Postgres":  {usual: usual, data: made(t, "ten"), wantErr: "PG_VERSION"},
		"data directory not yet there":   {usual: usual, data: filepath.Join(root, "new"), want: v15},
		"only one that is too old":       {usual: filepath.Join(root, "usual/9/bin"), wantErr: "three ways out"},
		"nothing at all":                 {wantErr: "three ways out"},
		"a folder in PATH that is empty": {path: root, wantErr: "three ways out"},
	} {
		env := map[string]string{"PG_BIN": c.pgBin, "PATH": c.path}
		got, err := search{env: func(k string) string { return env[k] }, usual: []string{c.usual}}.find(c.data)
		if got != c.want || (err == nil) != (c.wantErr == "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
			t.Errorf("%s: got %q, %v; want %q, %q", name, got, err, c.want, c.wantErr)
		}
	}
}

func TestErrNoBinariesNamesTheWaysOut(t *testing.T) {
	t.Parallel()
	_, err := search{env: func(string) string { return "" }}.find("")
	if !errors.Is(err, ErrNoBinaries) {
		t.Fatalf("got %v", err)
	}
	for _, way := range []string{"apt-get install postgresql", "PG_BIN", "DATABASE_URL", "TEST_DATABASE_URL"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("the message does not name %s:\n%v", way, err)
		}
	}
}
