package service_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// everything is what the sandbox and the bench may import: they are no part of the
// service.
const everything = "*"

// rooms are the packages of this module and which of the others each may import.
// A package that is not here is not in the picture: draw it first.
var rooms = map[string]string{
	"money":   "",
	"limits":  "",
	"locale":  "money",
	"models":  "",
	"paywall": "",

	"notify":   "models",
	"auth":     "limits locale models money notify paywall",
	"billing":  "limits locale models money notify",
	"webhooks": "models",
	"handlers": "auth billing locale models money notify paywall",

	"cmd/service":         "auth billing handlers limits locale models notify webhooks",
	"cmd/cli":             "auth billing cmd/service locale models", // auth: its keys. locale: refusals have one wording, for readers and staff
	"cmd/membership":      "cmd/cli cmd/service",
	"cmd/sandbox":         everything,
	"cmd/sandbox/control": everything,
	"cmd/sandbox/faults":  everything,
	"cmd/sandbox/tour":    everything,
	"cmd/bench":           everything,

	"paywall/paywalltest":        "paywall",
	"internal/browser":           "",
	"internal/mailcatch":         "",
	"internal/newsstand":         "paywall",
	"internal/oracle":            "", // what must be so, judged without anything of ours
	"internal/pglocal":           "",
	"internal/pglocal/pgtest":    "internal/pglocal models",
	"internal/stripesim":         "",
	"internal/stripesim/simtest": "internal/stripesim",
}

// libraries are those that only some rooms may know, so that each can be exchanged
// by rewriting these.
var libraries = map[string]string{
	"github.com/alecthomas/kong":     "cmd/cli",
	"github.com/caarlos0/env":        "cmd/cli",
	"github.com/chromedp":            "internal/browser",
	"github.com/danielgtaylor/huma":  "handlers",
	"github.com/emersion/go-smtp":    "internal/mailcatch",
	"github.com/goccy/go-yaml":       "billing locale",
	"github.com/golang-jwt/jwt":      "auth paywall paywall/paywalltest",
	"github.com/jackc/pgx":           "models notify internal/pglocal internal/pglocal/pgtest",
	"github.com/labstack/echo":       "handlers webhooks",
	"github.com/nicksnyder/go-i18n":  "locale",
	"github.com/pressly/goose":       "models",
	"github.com/riverqueue/river":    "auth billing notify",
	"github.com/schollz/progressbar": "cmd/cli",
	"github.com/sony/gobreaker":      "billing",
	"github.com/stripe/stripe-go":    "billing webhooks internal/stripesim/simtest",
	"github.com/stripe/stripe-mock":  "internal/stripesim/simtest",
	"github.com/wneessen/go-mail":    "notify",
	"golang.org/x/time":              "billing internal/stripesim",
	"gorm.io":                        "auth billing limits models notify webhooks",
	"net/http/httptest":              "internal/stripesim/simtest paywall/paywalltest",
	"testing":                        "internal/browser internal/pglocal/pgtest internal/stripesim/simtest paywall/paywalltest",
}

// calls are functions that reach outside the process for what should have been
// passed in, and the folders that may call them, tests aside.
var calls = map[string]string{
	"os.Getenv":    "cmd internal/pglocal",
	"os.LookupEnv": "cmd internal/pglocal",
	"os.Environ":   "cmd internal/pglocal",
	"time.Now":     "cmd internal paywall",
	"time.Since":   "cmd internal models paywall", // models: how long a statement took
	"time.Until":   "cmd internal paywall",
}

const module = "newsroom.example/membership"

// listed is a package as `go list` tells it.
type listed struct {
	Dir, ImportPath string
	GoFiles         []string
	Imports         []string
	Module          *struct{ Path string }
}

func (p listed) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=Dir,ImportPath,GoFiles,Imports,Module"}, args...)...)
	cmd.Dir = "../.."
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &problem)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestRoomsImportOnlyWhatThePictureShows(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		may, known := rooms[p.room()]
		if !known {
			t.Errorf("%s is not in the table of rooms", p.room())
		}
		for _, path := range p.Imports {
			other, ours := strings.CutPrefix(path, module+"/")
			if ours && may != everything && !slices.Contains(strings.Fields(may), other) {
				t.Errorf("%s imports %s, which is not its business", p.room(), other)
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		if rooms[p.room()] == everything {
			continue
		}
		for _, path := range p.Imports {
			for library, may := range libraries {
				if within(path, library) && !slices.Contains(strings.Fields(may), p.room()) {
					t.Errorf("%s imports %s, which only %s may", p.room(), path, may)
				}
			}
		}
	}
}

// The service must not carry a private Postgres, a simulated Stripe or a movable
// clock, not even by way of another package.
func TestServiceLinksNothingInternal(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./cmd/membership") {
		if strings.HasPrefix(p.ImportPath, module+"/internal/") {
			t.Errorf("cmd/membership links %s", p.ImportPath)
		}
	}
}

// Newspapers import paywall into programs of their own: it brings them one library.
func TestPaywallBringsOneLibrary(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./paywall") {
		if p.Module != nil && p.Module.Path != module && p.Module.Path != "github.com/golang-jwt/jwt/v5" {
			t.Errorf("paywall links %s", p.ImportPath)
		}
	}
}

func TestEnvironmentAndClockArePassedIn(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		for _, file := range p.GoFiles {
			for _, use := range uses(t, filepath.Join(p.Dir, file)) {
				may, guarded := calls[use.name]
				allowed := slices.ContainsFunc(strings.Fields(may), func(folder string) bool { return within(p.room(), folder) })
				if guarded && !allowed {
					t.Errorf("%s: %s is only for %s", use.at, use.name, may)
				}
			}
		}
	}
}

// use is a name of another package in a source file, such as time.Now.
type use struct{ name, at string }

func uses(t *testing.T, path string) (all []use) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := importNames(t, file)
	ast.Inspect(file, func(n ast.Node) bool {
		selected, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selected.X.(*ast.Ident); ok && imported[pkg.Name] != "" {
			all = append(all, use{imported[pkg.Name] + "." + selected.Sel.Name, fmt.Sprint(files.Position(n.Pos()))})
		}
		return true
	})
	return all
}

// importNames is the path of each import by the name that the file calls it.
func importNames(t *testing.T, file *ast.File) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// within says whether a path is a folder or lies in it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
