package service_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed   = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	mutantNamed = regexp.MustCompile("`([a-z]+(?:-[a-z]+)+)`")
	testDefined = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// docs/attacks.md names the test that holds each way in shut, and the mutant that shows
// that it can fail. Both are there, and no mutant of an attack is forgotten.
func TestTheAttacksAreHeldByTestsThatExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	defined, named := testsOfTheModule(t), testNamed.FindAllSubmatch(page, -1)
	for _, name := range named {
		if !defined[string(name[1])] {
			t.Errorf("there is no test %s", name[1])
		}
	}
	if len(named) < 60 {
		t.Errorf("%d tests are named: the page was not read whole", len(named))
	}
	told := map[string]bool{}
	for _, name := range mutantNamed.FindAllSubmatch(page, -1) {
		told["attack-"+string(name[1])+".patch"] = true
	}
	kept, err := filepath.Glob("../../scripts/mutants/attack-*.patch")
	if err != nil || len(kept) != len(told) {
		t.Errorf("%d mutants are told of, %d are kept, %v", len(told), len(kept), err)
	}
	for _, path := range kept {
		if !told[filepath.Base(path)] {
			t.Errorf("nothing is told of %s", path)
		}
	}
}

func testsOfTheModule(t *testing.T) map[string]bool {
	t.Helper()
	defined := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, name := range testDefined.FindAllSubmatch(source, -1) {
			defined[string(name[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return defined
}
