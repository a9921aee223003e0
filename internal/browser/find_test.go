package browser

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWhereAmI only tells the tests below what became of it.
func TestWhereAmI(t *testing.T) {
	t.Parallel()
	t.Log("browser:", executable(t))
}

// again runs TestWhereAmI in another process without a browser in its PATH.
func again(t *testing.T, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^TestWhereAmI$")
	cmd.Env = append(append(os.Environ(), "PATH="+t.TempDir()), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestNoBrowserIsSkippedLoudly(t *testing.T) {
	t.Parallel()
	if out, err := again(t, "REQUIRE_BROWSER="); err != nil || !strings.Contains(out, "SKIPPED: the browser tests need Chromium") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRequiredBrowserFails(t *testing.T) {
	t.Parallel()
	if out, err := again(t, "REQUIRE_BROWSER=1"); err == nil || !strings.Contains(out, "apt-get install chromium") {
		t.Errorf("%v\n%s", err, out)
	}
}
