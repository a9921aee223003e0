package main

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/browser"
	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/paywall"
)

// paper is a sandbox that runs while the test does.
func paper(t *testing.T) *sandbox {
	t.Helper()
	s, err := open(t.Context(), options{dir: t.TempDir(), temporary: true, catalog: "../../catalog.yaml", database: pgtest.Empty(t), log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.run(ctx, func(context.Context) error { close(ready); return nil })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := s.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the sandbox ended: %v", err)
	}
	return s
}

const article = "/a/night-ferry"

// widths runs a journey on a phone and on a desk, each with a newsroom of its own.
func widths(t *testing.T, journey func(t *testing.T, s *sandbox, p *browser.Page)) {
	t.Helper()
	for _, width := range []int{browser.Phone, browser.Desk} {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			t.Parallel()
			p := browser.Open(t, width)
			journey(t, paper(t), p)
		})
	}
}

// mail waits for a mail to the address and returns the link and the code in it.
func (s *sandbox) mail(t *testing.T, address string) (link, code string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := s.mails.Wait(ctx, func(m mailcatch.Mail) bool { return m.To == address })
	if err != nil {
		t.Fatalf("no mail to %s: %v", address, err)
	}
	link = regexp.MustCompile(regexp.QuoteMeta(s.doors.membersURL()) + `/\S+`).FindString(m.Text)
	code = regexp.MustCompile(`\b[0-9A-Z]{4} [0-9A-Z]{4}\b`).FindString(m.Text)
	if link == "" || code == "" {
		t.Fatalf("no link or code in the mail:\n%s", m.Text)
	}
	return link, code
}

// From "Become a Member" to the opened article.
func TestReaderBecomesAMember(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.Visit(s.doors.newsURL() + "/")
		p.Shot("front-page")
		p.Visit(s.doors.newsURL() + article)
		p.Says("Members are reading", "Become a Member for full access", "Contribute",
			"Subscribe to our free newsletter to unlock direct links to all sources")
		p.Shot("wall")
		opening := len(p.Text(".text"))
		p.Press("Become a Member for full access")
		p.Shot("membership")
		p.Press("Join as Member")
		p.Says("no money moves", "€8")
		p.Shot("stripe-checkout")
		p.Fill("email", "reader@example.org")
		p.Fill("card", "4000 0000 0000 0002")
		p.Press("Subscribe")
		p.Says("declined")
		p.Shot("stripe-declined")
		p.Fill("card", "4242 4242 4242 4242")
		p.Press("Subscribe")
		p.Says("Thank you", "Your membership has begun")
		p.Shot("thanks-membership")
		p.Press("Read on where you were")
		if whole := len(p.Text(".text")); whole < 2*opening {
			t.Errorf("the opened article has %d characters, its opening had %d", whole, opening)
		}
		p.Shot("article-open")

		p.Visit(s.doors.membersURL() + "/account")
		p.Says("not proven your address")
		p.Shot("account-unproven")
		link, _ := s.mail(t, "reader@example.org")
		p.Visit(link)
		if strings.Contains(p.Address(), "/signin/") {
			p.Press("Sign in")
		}
		p.Visit(s.doors.membersURL() + "/account")
		p.Says("reader@example.org", "Every article in full", "Sign out")
		p.Shot("account")
		p.Press("Manage payments and cancel")
		p.Shot("stripe-portal")
		p.Press("Cancel")
		p.Shot("stripe-portal-cancel")
		neverTheRefreshCookie(t, s, p)
	})
}

// From "Contribute" to the thanks for ten euros, as a guest.
func TestReaderContributes(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.Visit(s.doors.newsURL() + article)
		p.Press("Contribute")
		p.Says("Once", "Monthly", "€10")
		p.Shot("contribute")
		p.Fill("other", "1")
		p.Press("Give")
		p.Says("The smallest amount is €2")
		p.Shot("contribute-refused")
		p.Fill("other", "10")
		p.Fill("name", "A. Donor")
		p.Fill("message", "Keep the lamp lit.")
		p.Press("Give")
		p.Says("€10")
		p.Shot("stripe-donate")
		p.Fill("email", "donor@example.org")
		p.Fill("card", "4242 4242 4242 4242")
		p.Press("Donate")
		p.Says("Thank you", "€10")
		p.Shot("thanks-donation")
		p.Press("Read on where you were")
		p.Says("Become a Member for full access") // a gift opens nothing by itself
	})
}

// A direct debit takes days, and the page that thanks says so.
func TestAReaderPaysByDirectDebit(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.Visit(s.doors.newsURL() + article)
		p.Press("Become a Member for full access")
		p.Press("Join as Member")
		p.Fill("email", "debit@example.org")
		p.Fill("account", "AT61 1904 3002 3457 3201")
		p.Press("Subscribe")
		p.Says("Your bank is paying", "takes a few days")
		p.Shot("thanks-processing")
		p.Press("Read on where you were")
		p.Says("Become a Member for full access") // nothing is paid yet
	})
}

// The newsletter unlocks the sources; its code is typed here, on the page where the
// mail was asked for.
func TestNewsletterUnlocksTheSources(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.Visit(s.doors.newsURL() + article)
		p.Press("Subscribe to our free newsletter")
		p.Shot("newsletter")
		p.Fill("email", "nobody@nowhere")
		p.Press("Subscribe")
		p.Says("does not look like an e-mail address")
		p.Shot("newsletter-refused")
		p.Fill("email", "letters@example.org")
		p.Press("Subscribe")
		p.Shot("newsletter-sent")
		_, code := s.mail(t, "letters@example.org")
		p.Fill("code", code)
		p.Press("Continue")
		if p.Text(".sources a[rel=external]") == "" {
			t.Error("the sources are not links")
		}
		p.Says("Become a Member for full access")
		p.Shot("sources-unlocked")
	})
}

// The same without JavaScript, by the mailed link's button; and signing out closes
// the account.
func TestSigningInWithoutScripts(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.WithoutScripts()
		p.Visit(s.doors.membersURL() + "/signin")
		p.Shot("signin")
		p.Fill("email", "reader@example.org")
		p.Press("Send me the link")
		p.Shot("signin-sent")
		link, _ := s.mail(t, "reader@example.org")
		p.Visit(link)
		p.Shot("signin-landing")
		p.Press("Sign in")
		p.Visit(s.doors.membersURL() + "/account")
		p.Says("reader@example.org", "Nothing beyond what is open to everybody")
		p.Shot("account-empty")
		p.Press("Sign out")
		p.Shot("signed-out")
		p.Visit(link)
		p.Says("used already")
		p.Shot("signin-used")
		neverTheRefreshCookie(t, s, p)
	})
}

// neverTheRefreshCookie checks, by what really went over the wire, that the session
// stays on the members' host. The newspaper may be sent the access token and its own
// mark of a renewal; anything else, of whatever name, is a leak.
func neverTheRefreshCookie(t *testing.T, s *sandbox, p *browser.Page) {
	t.Helper()
	p.Visit(s.doors.newsURL() + article)
	for _, name := range p.SentCookies(newsHost) {
		if name != paywall.CookieName && name != "renewing" {
			t.Errorf("the newspaper was sent %s", name)
		}
	}
	if sent := p.SentCookies(membersHost); !slices.Contains(sent, "__Host-session") {
		t.Errorf("no session cookie went to the members' host either (%v): this test sees nothing", sent)
	}
}
