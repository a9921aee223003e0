package locale_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"newsroom.example/membership/locale"
)

// speakers are the packages that readers hear, and the only ones.
var speakers = []string{"../auth", "../billing", "../handlers", "../locale"}

var (
	// said are the calls whose argument is a message id.
	said = regexp.MustCompile(`(?:\bText\(|\bsay\(|\$\.T )"([a-z_]+\.[a-z0-9_.]+)"`)
	// refused are the codes of refusals: auth's are ids themselves.
	refused = regexp.MustCompile(`(?:Code: |invalid\()"([a-z_.]+)"`)
	// quoted is any literal, and the beginning of one that a program completes.
	quoted = regexp.MustCompile(`"([a-z_]+(?:\.[a-z0-9_]+)*\.?)(?:%[sd])?"`)
)

// differs are the kinds of differences that billing finds, and what it makes others of.
var differs = regexp.MustCompile(`\bKind(?:, each\.dead|, found\.subject)?(?::| =) +"([a-z]+\.[a-z]+)"`)

// Whatever reconcile and doctor count, people read in words.
func TestEveryKindOfDifferenceHasItsWords(t *testing.T) {
	t.Parallel()
	c, kinds := words(t), []string{"errand.waiting", "errand.refused", "refund.differs", "dispute.differs", "till.declined", "till.left"}
	for _, m := range differs.FindAllStringSubmatch(source(t, "../billing"), -1) {
		kinds = append(kinds, m[1])
	}
	if len(kinds) < 20 {
		t.Errorf("only %d kinds were found: does the test still know how they are written?", len(kinds))
	}
	for _, kind := range kinds {
		one, many := c.For("en").Text("found."+kind, locale.Data{"Count": int64(1)}), c.For("en").Text("found."+kind, locale.Data{"Count": int64(2)})
		if !c.Has("found."+kind) || strings.Contains(one+many, kind) || !strings.Contains(many, "2 ") && kind != "event.othermode" {
			t.Errorf("%s: %q, %q", kind, one, many)
		}
	}
}

// source is everything that these packages say, tests left out.
func source(t *testing.T, dirs ...string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains([]string{".go", ".html", ".txt"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func words(t *testing.T) *locale.Catalogue {
	t.Helper()
	c, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryMessageThatIsSaidExists(t *testing.T) {
	t.Parallel()
	c, text := words(t), source(t, speakers...)
	for _, m := range said.FindAllStringSubmatch(text, -1) {
		if id := m[1]; !strings.HasSuffix(id, ".") && !c.Has(id) {
			t.Errorf("%q is said and not in the catalogue", id)
		}
	}
}

func TestEveryRefusalHasItsSentence(t *testing.T) {
	t.Parallel()
	c := words(t)
	for dir, prefix := range map[string]string{"../billing": "error.", "../auth": ""} {
		codes := refused.FindAllStringSubmatch(source(t, dir), -1)
		if len(codes) == 0 {
			t.Errorf("no refusals found in %s: does the test still know how they are written?", dir)
		}
		for _, m := range codes {
			if !c.Has(prefix + m[1]) {
				t.Errorf("%s refuses with %q, which has no sentence %q", dir, m[1], prefix+m[1])
			}
		}
	}
}

func TestEveryMessageIsUsed(t *testing.T) {
	t.Parallel()
	literals := map[string]bool{}
	for _, m := range quoted.FindAllStringSubmatch(source(t, speakers...), -1) {
		literals[m[1]] = true
	}
	for _, id := range words(t).IDs() {
		if !usedIn(literals, id) {
			t.Errorf("nobody says %q", id)
		}
	}
}

// families are beginnings that stand in the code and say too little: their ids must
// stand there whole.
var families = []string{"error.", "signin.", "mail."}

// usedIn says whether id stands somewhere: whole, as a refusal's code, or begun and
// completed by the program ("date.month.").
func usedIn(literals map[string]bool, id string) bool {
	if literals[id] || literals[strings.TrimPrefix(id, "error.")] {
		return true
	}
	for begun := id; strings.Contains(begun, "."); {
		begun = begun[:strings.LastIndex(begun, ".")]
		if literals[begun+"."] && !slices.Contains(families, begun+".") {
			return true
		}
	}
	return false
}
