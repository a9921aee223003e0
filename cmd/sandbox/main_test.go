package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// asSandbox turns the test binary into the program itself, so that tests can kill
// it.
const asSandbox = "SANDBOX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asSandbox) != "" {
		main()
	}
	os.Exit(m.Run())
}

const catalogFile = "../../catalog.yaml"

// command is a run of the program in this process.
func command(t *testing.T, database string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, database, &out, &errs)
	return code, out.String(), errs.String()
}

func TestMistakesOnTheCommandLineAreToldInWords(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "catalog.yaml")
	write(t, broken, "feature: {}\n")
	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "thesis.txt"), "four years")
	for name, c := range map[string]struct {
		database string
		args     []string
		says     string
	}{
		"unknown flag":        {"", []string{"--clock"}, "--clock"},
		"a word too many":     {"", []string{"now"}, "now"},
		"port too high":       {"", []string{"--port", "65534"}, "--port 65534"},
		"port negative":       {"", []string{"--port=-1"}, "--port -1"},
		"tour with reset":     {"", []string{"--tour", "--reset"}, "--reset"},
		"no catalogue":        {"", []string{"--catalog", "nowhere.yaml"}, "--catalog"},
		"broken catalogue":    {"", []string{"--catalog", broken}, "feature"},
		"foreign directory":   {"", []string{"--data", foreign}, foreign},
		"foreign, with reset": {"", []string{"--data", foreign, "--reset"}, foreign},
		"reset of somebody's": {"postgres://db.example.org/x", []string{"--reset"}, "DATABASE_URL"},
		"unreadable address":  {"postgres://%%", []string{"--tour"}, "DATABASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			for flag, value := range map[string]string{"--data": t.TempDir(), "--port": freePorts(t), "--catalog": catalogFile} {
				if !strings.Contains(strings.Join(args, " "), flag) {
					args = append(args, flag, value)
				}
			}
			code, _, stderr := command(t, c.database, args...)
			if code != 2 || !strings.Contains(stderr, c.says) {
				t.Errorf("exit code %d, %q; want 2 and %q", code, stderr, c.says)
			}
		})
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	code, stdout, _ := command(t, "", "--help")
	for _, flag := range []string{"--port", "--data", "--reset", "--tour", "--catalog", "--verbose"} {
		if code != 0 || !strings.Contains(stdout, flag) {
			t.Errorf("exit code %d, %q not in %q", code, flag, stdout)
		}
	}
}

func TestATakenPortIsNamedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	first := freePorts(t)
	number, _ := strconv.Atoi(first)
	taken := strconv.Itoa(number + 1)
	listener, err := net.Listen("tcp", "127.0.0.1:"+taken)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	data := filepath.Join(t.TempDir(), "data")
	code, _, stderr := command(t, "", "--port", first, "--data", data, "--catalog", catalogFile)
	if code != 2 || !strings.Contains(stderr, "port "+taken+" is taken") || !strings.Contains(stderr, "--port") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data directory was made")
	}
}

// TestTour is the whole journey. What it prints is what the project promises to
// show.
func TestTour(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := command(t, "", "--tour", "--catalog", catalogFile)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s\n%s", code, stderr, stdout)
	}
	for _, step := range []string{
		"The wall", "The checkout", "The webhook", "The entitlement", "because: subscription sub_", "The token's claims",
		"The opened article", "The unlocked sources", "A guest's donation", "A member's monthly gift", "No free month",
		"Over after the paid month", "The refund", "The next token", "The dispute, won", "The sweep", "Explained, after", "The refresh cookie", "were as they should be",
	} {
		if !strings.Contains(stdout, step) {
			t.Errorf("%q is not in the tour:\n%s", step, stdout)
		}
	}
}

func TestATourThatIsBrokenOffHasNotSucceeded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var errs bytes.Buffer
	code := run(ctx, []string{"--tour", "--catalog", catalogFile}, "", stopper{cancel}, &errs)
	if code != 1 {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}

// stopper ends a run with the first thing that it prints.
type stopper struct{ stop context.CancelFunc }

func (s stopper) Write(p []byte) (int, error) {
	s.stop()
	return len(p), nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
