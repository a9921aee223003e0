package browser

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const form = `<!doctype html><html lang="en"><title>A form</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<h1 style="text-transform:uppercase">Give</h1><a href="/away">Go away</a>
<form method="post" action="/given"><input name="amount" value="5"><input type="radio" name="every" value="month"><button>Give   now</button></form>
<noscript>No script here</noscript>%s`

// site answers on every host. extra is put at the end of its page.
func site(t *testing.T, extra string) (port string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'")
		http.SetCookie(w, &http.Cookie{Name: "own", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "shared", Value: "1", Domain: "news.localhost"})
		fmt.Fprintf(w, form, extra)
	})
	mux.HandleFunc("POST /given", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Thanks for %s every %s", r.FormValue("amount"), r.FormValue("every"))
	})
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Plain") })
	mux.HandleFunc("GET /throw.js", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "throw new Error('broken')") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL[strings.LastIndex(server.URL, ":"):]
}

func TestFormIsFilledInAndSent(t *testing.T) {
	t.Parallel()
	p := Open(t, Desk)
	if status := p.Visit("http://www.news.localhost" + site(t, "") + "/"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	p.Says("Give", "go away")
	p.Fill("amount", "12.50")
	p.Click(`[value="month"]`)
	p.Wait("button")
	if status := p.Press("Give now"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	p.Says("Thanks for 12.50 every month")
	if !strings.HasSuffix(p.Address(), "/given") {
		t.Errorf("at %s", p.Address())
	}
}

func TestStatusOfAPageThatIsMissing(t *testing.T) {
	t.Parallel()
	p := Open(t, Phone)
	p.Visit("http://www.news.localhost" + site(t, "") + "/")
	if status := p.Press("Go away"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
}

func TestScriptsCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	p := Open(t, Phone).WithoutScripts()
	p.Visit("http://www.news.localhost" + site(t, `<script src="/throw.js"></script>`) + "/")
	p.Says("No script here")
	p.Press("Give now")
	p.Says("Thanks for 5")
}

func TestShotIsAsWideAsTheWindow(t *testing.T) {
	t.Parallel()
	for _, width := range []int{Phone, Desk} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			p := Open(t, width)
			p.Visit("http://www.news.localhost" + site(t, "") + "/")
			p.Shot("frame")
			file, err := os.Open(filepath.Join(root(t), "build", "screens", fmt.Sprintf("frame-%d.png", width)))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if picture, err := png.DecodeConfig(file); err != nil || picture.Width != width {
				t.Errorf("%d px wide (%v)", picture.Width, err)
			}
		})
	}
}

func TestCookiesAreCountedByHost(t *testing.T) {
	t.Parallel()
	p := Open(t, Phone)
	port := site(t, "")
	for _, path := range []string{"/", "/plain"} {
		p.Visit("http://members.news.localhost" + port + path)
	}
	p.Visit("http://www.news.localhost" + port + "/plain")
	for host, want := range map[string][]string{
		"members.news.localhost": {"own", "shared"},
		"www.news.localhost":     {"shared"},
		"other.localhost":        nil,
	} {
		if got := p.SentCookies(host); !slices.Equal(got, want) {
			t.Errorf("to %s went %v, want %v", host, got, want)
		}
	}
}

func TestComplaintsAreHeard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ extra, says string }{
		"exception":    {`<script src="/throw.js"></script>`, "broken"},
		"policy":       {`<script>alert(1)</script>`, "Content Security Policy"},
		"missing file": {`<img src="/missing.png" alt="">`, "404"},
		"nothing":      {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Open(t, Phone)
			p.Visit("http://www.news.localhost" + site(t, test.extra) + "/")
			p.Says("Give")
			heard := p.seen.complaints()
			if !strings.Contains(strings.Join(heard, "\n"), test.says) || (len(heard) > 0) != (test.says != "") {
				t.Errorf("heard %q", heard)
			}
		})
	}
}
