package paywall_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/paywall"
)

// The whole of it: who to trust, who we are, and which pages are for whom.
func Example() {
	v, err := paywall.New(paywall.Config{
		Issuer:   "https://members.lantern.example",
		Audience: "https://www.lantern.example",
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	article := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := paywall.FromContext(r.Context())
		fmt.Fprintf(w, "Good morning, %s.", m.ID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /a/{slug}", v.Require("articles:full")(article))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/a/ferry", nil))
	fmt.Println(answer.Code, answer.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer
}

// A page that everybody may open, and that shows more to some.
func ExampleVerifier_Optional() {
	v, err := paywall.New(paywall.Config{
		Issuer:   "https://members.lantern.example",
		Audience: "https://www.lantern.example",
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	page := v.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch access := paywall.AccessFor(r.Context(), "articles:full"); {
		case access.Allowed():
			fmt.Fprint(w, "The whole story.")
		case access == paywall.Unavailable:
			w.WriteHeader(access.Status())
			fmt.Fprint(w, "We cannot check your membership just now.")
		default:
			fmt.Fprint(w, "How it begins, and how to become a member.")
		}
	}))

	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/a/ferry", nil))
	fmt.Println(answer.Body)
	// Output: How it begins, and how to become a member.
}

// A page of one's own instead of a line of text, and 402 instead of 401.
func ExampleConfig_refusal() {
	v, err := paywall.New(paywall.Config{
		Issuer:   "https://members.lantern.example",
		Audience: "https://www.lantern.example",
		Refusal: func(w http.ResponseWriter, r *http.Request, access paywall.Access) {
			status := access.Status()
			if access == paywall.Anonymous {
				status = http.StatusPaymentRequired
			}
			w.WriteHeader(status)
			fmt.Fprint(w, "Become a member to read "+r.URL.Path)
		},
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	answer := httptest.NewRecorder()
	v.Require("articles:full")(http.NotFoundHandler()).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/a/ferry", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output: 402 Become a member to read /a/ferry
}

// The same under Echo: a guarded group, and the reader from the request's
// context.
func ExampleVerifier_Require_echo() {
	v, err := paywall.New(paywall.Config{
		Issuer:   "https://members.lantern.example",
		Audience: "https://www.lantern.example",
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	e := echo.New()
	articles := e.Group("/a", echo.WrapMiddleware(v.Require("articles:full")))
	articles.GET("/:slug", func(c echo.Context) error {
		m, _ := paywall.FromContext(c.Request().Context())
		return c.String(http.StatusOK, "Good morning, "+m.ID)
	})

	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/a/ferry", nil))
	fmt.Println(answer.Code, answer.Header().Get("Cache-Control"))
	// Output: 401 private, no-store
}

// A newspaper that starts while the membership service is away, and that would
// rather show nobody an article than show one for five minutes to a reader whose
// membership may have ended.
func ExampleConfig_whenTheMembershipServiceIsAway() {
	v, err := paywall.New(paywall.Config{
		Issuer:          "https://members.lantern.example",
		Audience:        "https://www.lantern.example",
		KeysFile:        filepath.Join(os.TempDir(), "lantern-keys.json"),
		FailClosedAfter: 5 * time.Minute,
	})
	if err != nil {
		panic(err)
	}
	defer v.Close()

	health := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := v.Stats()
		fmt.Fprintf(w, "%d keys, feed refused %d times", s.Keys, s.FeedRefused)
	})
	answer := httptest.NewRecorder()
	health.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil))
	fmt.Println(answer.Body)
	// Output: 0 keys, feed refused 0 times
}
