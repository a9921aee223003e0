package auth

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// bench is one service on a database and a clock of its own.
type bench struct {
	*Service
	db    *models.DB
	clock *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func testConfig() Config {
	return Config{
		Issuer:      "https://members.example.news",
		SiteName:    "The Example",
		Audiences:   []string{"https://www.example.news", "https://archive.example.news"},
		ClientID:    "membership",
		Pepper:      bytes.Repeat([]byte("p"), 32),
		SealingKeys: [][]byte{bytes.Repeat([]byte("s"), 32)},
	}
}

func setup(t *testing.T) bench {
	t.Helper()
	return setupWith(t, testConfig())
}

func setupWith(t *testing.T, cfg Config) bench {
	t.Helper()
	db := pgtest.Open(t)
	c := &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	return bench{Service: replica(t, db, cfg, c), db: db, clock: c}
}

// replica is one more process on the same database.
func replica(t *testing.T, db *models.DB, cfg Config, c *clock) *Service {
	t.Helper()
	s, err := New(db, notify.NewJobs(db, quiet()), deafMailer(t), catalogue(t), cfg, c.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func catalogue(t *testing.T) *locale.Catalogue {
	t.Helper()
	words, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// deafMailer is for services whose jobs nobody runs.
func deafMailer(t *testing.T) *notify.Mailer {
	t.Helper()
	m, err := notify.NewMailer(notify.SMTP{Host: "localhost", Port: 1, From: "desk@example.news", TLS: notify.Plain})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mailed is a sign-in as its reader has it: a cookie, and a mail in a box.
type mailed struct{ cookie, token, code string }

var (
	linkInMail    = regexp.MustCompile(`https://members\.example\.news/(?:signin|newsletter/confirm)/(\S+)`)
	addressInMail = regexp.MustCompile(`https://members\.example\.news/address/(\S+)`)

	codeInMail = regexp.MustCompile(`(?m)^    (\w{4} \w{4})$`)
)

func (b bench) ask(t *testing.T, in SignIn) mailed {
	t.Helper()
	in.Kind = orElse(in.Kind, models.SignInReader)
	cookie, err := b.RequestSignIn(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return b.open(t, cookie)
}

// open reads the mail that the job would send.
func (b bench) open(t *testing.T, cookie string) mailed {
	t.Helper()
	id, _, _ := decodeToken(cookie, seedBytes)
	a, err := b.attempt(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	mail, err := b.composeSignIn(a)
	if err != nil {
		t.Fatal(err)
	}
	return mailed{cookie: cookie, token: linkInMail.FindStringSubmatch(mail.Text)[1], code: codeInMail.FindStringSubmatch(mail.Text)[1]}
}

func (b bench) signIn(t *testing.T, email string) SignedIn {
	t.Helper()
	in, err := b.RedeemLink(t.Context(), b.ask(t, SignIn{Email: email}).token, Client{UserAgent: "test browser"})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// claim makes a member of an address that nobody has proven, as a purchase does.
func (b bench) claim(t *testing.T, email string) models.Member {
	t.Helper()
	m := models.Member{ID: models.NewID(), Email: &email, Locale: "en", CreatedAt: b.now(), UpdatedAt: b.now()}
	if err := gorm.G[models.Member](b.db.DB).Create(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (b bench) session(t *testing.T, id uuid.UUID) models.Session {
	t.Helper()
	s, err := gorm.G[models.Session](b.db.DB).Where("id = ?", id).Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantCode fails the test unless err is the refusal with that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

// atOnce calls f n times in parallel and returns the errors, nil ones too.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// tally counts errors by code; nil is "ok".
func tally(errs []error) map[string]int {
	counts := map[string]int{}
	for _, err := range errs {
		var e *Error
		switch {
		case err == nil:
			counts["ok"]++
		case errors.As(err, &e):
			counts[e.Code]++
		default:
			counts[err.Error()]++
		}
	}
	return counts
}

// flip changes the character of s at i to another of the same alphabet.
func flip(s string, i int) string {
	other := "A"
	if strings.HasPrefix(s[i:], other) {
		other = "B"
	}
	return s[:i] + other + s[i+1:]
}
