package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/google/uuid"

	"newsroom.example/membership/billing"
)

type membersFindCmd struct {
	Text  string     `arg:"" help:"An address or a part of one, or an id: of ours, or at Stripe (cus_, sub_, pi_, ch_, in_, re_, cs_)."`
	After *uuid.UUID `placeholder:"ID" help:"Go on after this member, as the page before says."`
	JSON  bool       `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (membersFindCmd) Help() string {
	return `Twenty at a time. Gifts that were made without an account are found as well.

Example: membership members find ada`
}

// Run lists who answers to the text.
func (c membersFindCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	found, err := bill.FindMembers(s.ctx, c.Text, c.After)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(found)
	}
	c.print(s, found)
	return nil
}

func (c membersFindCmd) print(s *streams, found billing.Found) {
	if len(found.Members) == 0 {
		fmt.Fprintln(s.stdout, "No member was found.")
	}
	s.table(func(w io.Writer) {
		for _, m := range found.Members {
			fmt.Fprintf(w, "%s\t%s\t%s\tsince %s\n", m.ID, m.Address, proofOf(m), shown(m.Since))
		}
	})
	if found.Next != nil {
		fmt.Fprintf(s.stdout, "There are more. Go on: membership members find %q --after %s\n", c.Text, found.Next)
	}
	if len(found.Gifts) > 0 {
		fmt.Fprintln(s.stdout, "\nGifts without an account, the newest:")
	}
	s.table(func(w io.Writer) {
		for _, g := range found.Gifts {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", g.PaymentIntent, g.Address, g.Amount, shown(g.PaidAt))
		}
	})
}

// proofOf is how sure we are of an address.
func proofOf(m billing.MemberLine) string {
	switch {
	case m.Disowned:
		return "provisional, not the address owner's"
	case m.Provisional:
		return "provisional"
	case m.Proven:
		return "proven"
	}
	return "unproven"
}

type membersShowCmd struct {
	Member string `arg:"" help:"A member's whole address, or any id that leads to them."`
	JSON   bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (membersShowCmd) Help() string {
	return `Who they are, what they bought and gave, what they may read and why, how far behind Stripe our
books are, and what was done by hand.

Example: membership members show ada@example.org`
}

// Run prints everything about a member.
func (c membersShowCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	member, err := bill.FindMember(s.ctx, c.Member)
	if err != nil {
		return err
	}
	d, err := bill.Dossier(s.ctx, member.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(d)
	}
	s.printDossier(d)
	return nil
}

// json prints a value for programs.
func (s *streams) json(value any) error {
	out := json.NewEncoder(s.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(value)
}

// table prints rows whose cells end in tabs, in columns.
func (s *streams) table(rows func(w io.Writer)) {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	rows(w)
	_ = w.Flush() // who reads no longer need not be told
}
