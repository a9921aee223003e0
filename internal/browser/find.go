package browser

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// skipped is the exit code of scripts/chromium.sh where there is no Chromium and
// none is required.
const skipped = 3

// executable asks the script that `make test` asks too, so that both give the same
// answer.
func executable(t *testing.T) string {
	t.Helper()
	var words strings.Builder
	cmd := exec.CommandContext(t.Context(), filepath.Join(root(t), "scripts", "chromium.sh"))
	cmd.Stderr = &words
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == skipped:
		t.Skip(words.String())
	case err != nil:
		t.Fatalf("find a browser: %v\n%s", err, &words)
	}
	return strings.TrimSpace(string(out))
}

// root is the folder of go.mod above the test.
func root(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("no go.mod above the test")
		}
		folder = filepath.Dir(folder)
	}
}
