package paywall_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"newsroom.example/membership/paywall"
)

//go:embed readme_test.go
var source string

// readme is what the README shows to those who build an article service.
func readme() error {
	v, err := paywall.New(paywall.Config{
		Issuer:   "https://members.example.news",
		Audience: "https://www.example.news",
	})
	if err != nil {
		return err
	}
	defer v.Close()

	article := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if paywall.AccessFor(r.Context(), "articles:full").Allowed() {
			fmt.Fprint(w, "The whole story.")
			return
		}
		fmt.Fprint(w, "How it begins, and how to become a member.")
	})
	mux := http.NewServeMux()
	mux.Handle("GET /a/{slug}", v.Optional(article)) // soft: the page decides what to show
	mux.Handle("GET /archive/", v.Require("archive:full")(http.FileServer(http.Dir("archive"))))
	return http.ListenAndServe(":8081", mux)
}

var _ = readme // compiled, not run

// The README's lines are the function above, so that they compile.
func TestTheReadmesExampleCompiles(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```go\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no example")
	}
	indented := strings.ReplaceAll("\n"+strings.TrimSpace(example), "\n", "\n\t")
	if !strings.Contains(source, strings.ReplaceAll(indented, "\n\t\n", "\n\n")+"\n}") {
		t.Errorf("the README shows other lines than this file:\n%s", example)
	}
}
