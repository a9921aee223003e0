package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/browser"
	"newsroom.example/membership/internal/mailcatch"
)

// letter waits for a mail to the address that has these words, and returns its links.
func (s *sandbox) letter(t *testing.T, address, words string) (links []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := s.mails.Wait(ctx, func(m mailcatch.Mail) bool { return m.To == address && strings.Contains(m.Text, words) })
	if err != nil {
		t.Fatalf("no mail to %s says %q: %v", address, words, err)
	}
	for field := range strings.FieldsSeq(m.Text) {
		if strings.HasPrefix(field, s.doors.membersURL()+"/") {
			links = append(links, field)
		}
	}
	return links
}

// signIn signs a reader in by the mailed link.
func signIn(t *testing.T, s *sandbox, p *browser.Page, address string) {
	t.Helper()
	p.Visit(s.doors.membersURL() + "/signin")
	p.Fill("email", address)
	p.Press("Send me the link")
	p.Visit(s.letter(t, address, "asked to sign in")[0])
	if strings.Contains(p.Address(), "/signin/") {
		p.Press("Sign in")
	}
}

// A reader sees where they are signed in, and signs out everywhere.
func TestReaderSeesTheirDevices(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.WithoutScripts()
		signIn(t, s, p, "reader@example.org")
		p.Visit(s.doors.membersURL() + "/account")
		p.Press("Where you are signed in")
		p.Says("this browser", "Chrome")
		p.Shot("devices")
		p.Press("Sign out everywhere")
		p.Shot("devices-signed-out")
		p.Visit(s.doors.membersURL() + "/account/devices")
		p.Says("Sign in")
	})
}

// A reader changes their address: a wrong one is refused beside the field, both
// mailboxes confirm, and the old one takes it back.
func TestReaderChangesTheirAddress(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		p.WithoutScripts()
		signIn(t, s, p, "old@example.org")
		p.Visit(s.doors.membersURL() + "/account")
		p.Press("Change your address")
		p.Shot("address")
		p.Fill("email", "new@nowhere")
		p.Press("Change the address")
		p.Says("does not look like an e-mail address")
		p.Shot("address-refused")
		p.Fill("email", "new@example.org")
		p.Press("Change the address")
		p.Says("Look into both mailboxes")
		p.Shot("address-sent")
		p.Visit(s.letter(t, "new@example.org", "use this address")[0])
		p.Shot("address-new")
		p.Press("Confirm the new address")
		p.Says("One of two")
		old := s.letter(t, "old@example.org", "allow it")
		p.Visit(old[0])
		p.Shot("address-old")
		p.Press("Allow it")
		p.Says("Your address has changed")
		p.Visit(s.doors.membersURL() + "/account")
		p.Says("new@example.org")
		p.Visit(old[1])
		p.Shot("address-undo")
		p.Press("Stop it and sign out everywhere")
		p.Says("Your address stays")
		p.Shot("address-undone")
	})
}

// Whose renewal failed finds one button that mends it, in the account and where they
// would buy anew.
func TestReaderMendsAMembership(t *testing.T) {
	t.Parallel()
	widths(t, func(t *testing.T, s *sandbox, p *browser.Page) {
		signIn(t, s, p, "reader@example.org")
		p.Visit(s.doors.membersURL() + "/membership")
		p.Press("Join as Member")
		p.Fill("card", "4000 0000 0000 0341")
		p.Press("Subscribe")
		p.Says("Thank you")
		for _, time := range []string{"a month", "a day"} {
			p.Visit(s.doors.stripeURL())
			p.Press(time)
		}
		p.Visit(s.doors.membersURL() + "/account")
		p.Shot("account-unpaid")
		p.Visit(s.doors.membersURL() + "/membership")
		p.Shot("membership-unpaid")
		p.Press("Pay it now")
		p.Says("€8")
		p.Shot("stripe-invoice")
		p.Fill("card", "4242 4242 4242 4242")
		p.Press("Pay invoice")
		p.Says("Nothing left to pay")
		p.Visit(s.doors.membersURL() + "/account")
		p.Says("Every article in full")
	})
}
