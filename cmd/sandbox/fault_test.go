package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// One row of the fault matrix from end to end, replicas and all; make faults runs
// every row.
func TestFaultsTriesARow(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "faults", "--row", "create-then-kill", "--seed", "1", "--logs", t.TempDir(), "--catalog", catalogFile)
	cmd.Env = append(os.Environ(), asSandbox+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 rows hold, 0 fell") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMistakesAboutFaultsAndNodesAreToldInWords(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"faults", "--rows", "x"},
		{"faults", "--catalog", "nowhere.yaml"},
		{"faults", "--catalog", catalogFile, "--row", "earthquake"},
		{"node"},
		{"node", "--database", "x"},
	} {
		code, _, stderr := command(t, "", args...)
		if code != 2 || stderr == "" {
			t.Errorf("%v: exit code %d, %q", args, code, stderr)
		}
	}
}
