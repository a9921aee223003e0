package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/browser"
)

// The newspaper on a domain of its own, where no cookie of the service goes: becoming a
// member, coming back after the token's end, being signed out elsewhere.
func TestReaderOnAnotherDomain(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		page := s.doors.otherURL() + article
		p.Visit(page)
		p.Says("Become a Member for full access")
		opening := len(p.Text(".text"))
		p.Press("Become a Member for full access")
		p.Press("Join as Member")
		p.Fill("email", "reader@example.org")
		p.Fill("card", "4242 4242 4242 4242")
		p.Press("Subscribe")
		p.Says("Thank you", "Your membership has begun")
		p.Press("Read on where you were")
		s.opened(t, p, page, opening)
		p.Shot("article-open-on-another-domain")
		link, _ := s.mail(t, "reader@example.org")
		p.Visit(link)
		if strings.Contains(p.Address(), "/signin/") {
			p.Press("Sign in")
		}
		for range 2 {
			s.later(t, 11*time.Minute)
			p.Visit(page)
			s.opened(t, p, page, opening)
		}
		// The same reader at the newspaper that shares a domain with the service.
		p.Visit(s.doors.newsURL() + article)
		s.opened(t, p, s.doors.newsURL()+article, opening)
		p.Visit(s.doors.membersURL() + "/account")
		p.Press("Sign out")
		s.closed(t, p, page)
		s.later(t, 24*time.Hour)
		p.Visit(page)
		s.wantWall(t, p, page)
		onlyItsOwnCookies(t, p)
	})
}

// The same without JavaScript, by a mailed link.
func TestSigningInOnAnotherDomainWithoutScripts(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.WithoutScripts()
		page := s.doors.otherURL() + article
		p.Visit(page)
		p.Press("Subscribe to our free newsletter")
		p.Fill("email", "letters@example.org")
		p.Press("Subscribe")
		link, _ := s.mail(t, "letters@example.org")
		p.Visit(link)
		p.Press("Confirm and continue")
		for range 3 {
			if p.Address() != page || p.Text(".sources a[rel=external]") == "" {
				t.Errorf("at %s the sources are no links", p.Address())
			}
			s.later(t, 11*time.Minute)
			p.Visit(page)
		}
		p.Visit(s.doors.membersURL() + "/account")
		p.Press("Sign out")
		s.later(t, 11*time.Minute)
		p.Visit(page)
		if p.Address() != page || p.Text(".sources a[rel=external]") != "" {
			t.Errorf("at %s the sources are links for nobody", p.Address())
		}
		onlyItsOwnCookies(t, p)
	})
}

func (s *sandbox) later(t *testing.T, by time.Duration) {
	t.Helper()
	if err := s.clock.advance(by); err != nil {
		t.Fatal(err)
	}
}

// opened checks that the whole article stands there, at its own plain address.
func (s *sandbox) opened(t *testing.T, p *browser.Page, page string, opening int) {
	t.Helper()
	if whole := len(p.Text(".text")); p.Address() != page || whole < 2*opening {
		t.Errorf("at %s, want %s: %d characters, the opening had %d", p.Address(), page, whole, opening)
	}
}

func (s *sandbox) wantWall(t *testing.T, p *browser.Page, page string) {
	t.Helper()
	if p.Address() != page {
		t.Errorf("at %s, want %s", p.Address(), page)
	}
	p.Says("Become a Member for full access", "Already a member?")
}

// closed checks that a signing-out elsewhere closes the article within fifteen seconds.
func (s *sandbox) closed(t *testing.T, p *browser.Page, page string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for p.Visit(page); p.Text(".wall") == ""; p.Visit(page) {
		if time.Now().After(deadline) {
			t.Fatal("fifteen seconds after signing out the article is open")
		}
	}
	s.wantWall(t, p, page)
}

// onlyItsOwnCookies checks, by what went over the wire, that the other domain sees none
// of the service's cookies, and the service none of its.
func onlyItsOwnCookies(t *testing.T, p *browser.Page) {
	t.Helper()
	sent := p.SentCookies(otherHost)
	for _, name := range sent {
		if name != "access" && name != "renewing" && !strings.HasPrefix(name, "membership-") {
			t.Errorf("the other newspaper was sent %s", name)
		}
	}
	if !slices.Contains(sent, "access") {
		t.Errorf("no token went to the other newspaper (%v): this test sees nothing", sent)
	}
	if slices.Contains(p.SentCookies(membersHost), "access") {
		t.Error("the other newspaper's token went to the service")
	}
}
