package pglocal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const script = "../../scripts/postgres.sh"

// The script installs what Binaries does not find, so both look in the same places.
func TestScriptKnowsTheUsualFolders(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range usualFolders {
		if !strings.Contains(string(text), folder+" \\\n") && !strings.Contains(string(text), folder+"; do\n") {
			t.Errorf("%s does not look in %s", script, folder)
		}
	}
}

// Each case has a PATH in which apt-get would tell that it was called.
func TestScriptIsSilentWhenThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	program(t, filepath.Join(bin, "apt-get"), "#!/bin/sh\necho apt-get was called\n")
	program(t, filepath.Join(bin, "gcc"), "#!/bin/sh\n")
	for name, env := range map[string]string{
		"a database for the tests":   "TEST_DATABASE_URL=postgres://db.example/x",
		"a database for the sandbox": "DATABASE_URL=postgres://db.example/x",
		"a server program":           "PG_BIN=" + install(t, t.TempDir(), "14.1"),
	} {
		cmd := exec.Command("/bin/sh", script)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", env}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
