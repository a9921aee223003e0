package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// shell are the words of a command line, those in single quotes as one.
var shell = regexp.MustCompile(`'[^']*'|\S+`)

// Every command that the support desk's page shows is one that the program takes: it
// gets as far as asking for the configuration, or for a yes.
func TestTheSupportDesksCommandsAreTaken(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/support.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\$ membership (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(shown) < 10 {
		t.Fatalf("the page shows %d commands", len(shown))
	}
	for _, line := range shown {
		var args []string
		for _, word := range shell.FindAllString(line[1], -1) {
			args = append(args, strings.Trim(word, "'"))
		}
		o := membership(t, nil, args...)
		if !strings.Contains(o.stderr, "missing or wrong settings") && !strings.Contains(o.stderr, "nobody is there to ask") {
			t.Errorf("membership %s\n%s", line[1], o.stderr)
		}
	}
}
