package main

import (
	"strconv"
	"strings"
	"testing"

	"newsroom.example/membership/internal/browser"
)

// A person lets a month pass, and a payment go back, by the buttons.
func TestTheControlPageIsClickedThrough(t *testing.T) {
	t.Parallel()
	for _, width := range []int{browser.Phone, browser.Desk} {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			t.Parallel()
			clickThrough(t, browser.Open(t, width), paper(t))
		})
	}
}

func clickThrough(t *testing.T, p *browser.Page, s *sandbox) {
	t.Helper()
	p.Visit(s.doors.stripeURL())
	p.Says("Sandbox: no money moves", "The real time.", "None yet.")
	p.Press("a month")
	p.Says("The clock has moved", "days ahead of the real time")

	p.Visit(s.doors.membersURL() + "/contribute")
	p.Fill("other", "10")
	p.Press("Give")
	p.Fill("email", "donor@example.org")
	p.Fill("card", "4242 4242 4242 4242")
	p.Press("Donate")
	p.Visit(s.doors.stripeURL())
	p.Says("donor@example.org", "10.00 EUR")
	p.Press("Refund")
	p.Says("The payment has gone back.")
	if row := p.Text("#payments tbody tr"); strings.Count(row, "10.00 EUR") != 2 {
		t.Errorf("the payment's row says %q", row)
	}
	p.Shot("control-page")
}
