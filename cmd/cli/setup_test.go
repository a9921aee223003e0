package cli

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// settings are environment variables.
type settings map[string]string

// complete are settings with which everything works but what the test does not
// need: the database and Stripe lead nowhere.
func complete() settings {
	key := "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" // 32 bytes
	return settings{
		"LISTEN":                 "127.0.0.1:0",
		"PUBLIC_URL":             "https://members.example.news",
		"SITE_NAME":              "The Harbour Lantern",
		"ARTICLE_ORIGINS":        "https://www.example.news,https://archive.example.news",
		"COOKIE_DOMAIN":          "example.news",
		"DATABASE_URL":           "postgres://membership:hunter2@127.0.0.1:1/membership",
		"STRIPE_SECRET_KEY":      simtest.Key,
		"STRIPE_WEBHOOK_SECRETS": "whsec_hunter2",
		"STRIPE_API_BASE":        "http://127.0.0.1:1",
		"SMTP_URL":               "smtp://desk:hunter2@mail.example.news:587",
		"MAIL_FROM":              "The Harbour Lantern <members@example.news>",
		"PEPPER":                 key,
		"SEALING_KEYS":           key,
	}
}

// with is a copy with one setting changed.
func (s settings) with(name, value string) settings {
	s = maps.Clone(s)
	s[name] = value
	return s
}

func (s settings) environ() []string {
	var all []string
	for name, value := range s {
		all = append(all, name+"="+value)
	}
	return all
}

// outcome is what a command printed and its exit code.
type outcome struct {
	t              *testing.T
	code           int
	stdout, stderr string
}

// membership runs the program as a shell would.
func membership(t *testing.T, s settings, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Run(t.Context(), args, s.environ(), &stdout, &stderr, service.RealClocks())
	return outcome{t, code, stdout.String(), stderr.String()}
}

// want checks the exit code and that the output has each of the texts.
func (o outcome) want(code int, texts ...string) outcome {
	o.t.Helper()
	if o.code != code {
		o.t.Fatalf("exit code %d, want %d\n%s%s", o.code, code, o.stdout, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stdout+o.stderr, text) {
			o.t.Errorf("the output does not say %q:\n%s%s", text, o.stdout, o.stderr)
		}
	}
	return o
}

// wantNot checks that the output has none of the texts.
func (o outcome) wantNot(texts ...string) outcome {
	o.t.Helper()
	for _, text := range texts {
		if strings.Contains(o.stdout+o.stderr, text) {
			o.t.Errorf("the output says %q:\n%s%s", text, o.stdout, o.stderr)
		}
	}
	return o
}

// newsroom is a migrated database and a simulated Stripe, and the settings that
// lead there.
type newsroom struct {
	settings
	stripe *simtest.Server
}

func open(t *testing.T) newsroom {
	t.Helper()
	stripe := simtest.Start(t, time.Now)
	s := complete().with("DATABASE_URL", pgtest.URL(t)).with("STRIPE_API_BASE", stripe.URL)
	return newsroom{s, stripe}
}

// serving is `membership serve` in the background.
type serving struct {
	output *lines
	stop   context.CancelFunc
	ended  chan int // gets the exit code
}

func serve(t *testing.T, s settings) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{news: make(chan struct{})}
	r := &serving{out, cancel, make(chan int, 1)}
	go func() { r.ended <- Run(ctx, []string{"serve"}, s.environ(), out, out, service.RealClocks()) }()
	t.Cleanup(cancel)
	return r
}

// exit waits for the end and returns the code.
func (r *serving) exit(t *testing.T) int {
	t.Helper()
	select {
	case code := <-r.ended:
		return code
	case <-time.After(10 * time.Second):
		t.Fatalf("serve does not end\n%s", r.output)
		return -1
	}
}

// lines collects what a running command prints.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{} // closed and replaced at every write
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.news)
	l.news = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the first line with the text.
func (l *lines) wait(t *testing.T, text string) string {
	t.Helper()
	patience := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		news := l.news
		l.mu.Unlock()
		for line := range strings.Lines(l.String()) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-news:
		case <-patience:
			t.Fatalf("no line says %q:\n%s", text, l)
		}
	}
}
