package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What a harness left that was killed is cleared away; what belongs to one that lives,
// or to nobody who can be told, stays.
func TestOnlyTheGroundOfTheDeadIsCleared(t *testing.T) {
	t.Parallel()
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, stays := range map[string]bool{
		fmt.Sprintf("membership-faults-%d-1", gone.Process.Pid): false,
		fmt.Sprintf("membership-faults-%d-1", os.Getpid()):      true,
		"membership-faults-12345678":                            true,
		"membership-faults-some-body":                           true,
	} {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o755); err != nil {
			t.Fatal(err)
		}
		clearDead(t.Context(), root)
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s stays is %t, want %t", name, err == nil, stays)
		}
	}
}
