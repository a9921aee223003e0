package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"newsroom.example/membership/billing"
)

type explainCmd struct {
	Member string `arg:"" help:"A member's whole address, or any id that leads to them."`
	At     string `placeholder:"TIME" help:"As of when: 2026-05-03, '2026-05-03 14:00' (UTC), RFC 3339, or so long ago: --at=-3d. Now, if left out."`
	JSON   bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (explainCmd) Help() string {
	return `Says what a member may read and what not, grant by grant. For a day gone by it says what we
know of it now and, where that was another answer, what was known then. For a day to come it
says what will be if nothing happens.

Example: membership explain ada@example.org --at 2026-05-03`
}

// Run explains.
func (c explainCmd) Run(s *streams) error {
	var at time.Time
	if c.At != "" {
		var err error
		if at, err = readInstant(c.At, s.clocks.Newsroom()); err != nil {
			return err
		}
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	member, err := bill.FindMember(s.ctx, c.Member)
	if err != nil {
		return err
	}
	e, err := bill.Explain(s.ctx, member.ID, at)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(e)
	}
	s.printExplanation(e)
	return nil
}

func (s *streams) printExplanation(e billing.Explanation) {
	fmt.Fprintf(s.stdout, "%s (member %s), as of %s\n", e.Member.Address, e.Member.ID, shown(e.At))
	if e.At.After(e.Now) {
		fmt.Fprintln(s.stdout, "That day is to come: this is what will be if nothing happens until then.")
	}
	if e.Then != nil {
		fmt.Fprintln(s.stdout, "\nAs we know it now:")
	}
	s.printAccess(e.Known)
	if e.Then != nil {
		fmt.Fprintln(s.stdout, "\nAs it was known then, and the reader met it:")
		s.printAccess(*e.Then)
	}
	s.printOpen(e.Open)
}

func (s *streams) printOpen(open []billing.Sentence) {
	if len(open) > 0 {
		fmt.Fprintln(s.stdout, "\nWaits for you")
	}
	for _, each := range open {
		fmt.Fprintf(s.stdout, "  %s\n", s.tell(each))
	}
}

func (s *streams) printAccess(a billing.Access) {
	fmt.Fprintln(s.stdout, "\nMay read")
	s.table(func(w io.Writer) {
		for _, r := range a.Reads {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Feature, r.Words, untilOf(r))
		}
		if len(a.Reads) == 0 {
			fmt.Fprintln(w, "  Nothing beyond what is open to everybody.")
		}
	})
	if len(a.Lacks) > 0 {
		fmt.Fprintln(s.stdout, "\nMay not read")
	}
	s.table(func(w io.Writer) {
		for _, l := range a.Lacks {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", l.Feature, l.Words, s.tell(l.Why))
		}
	})
	s.printGrants(a)
}

func (s *streams) printGrants(a billing.Access) {
	if len(a.Grants) > 0 {
		fmt.Fprintln(s.stdout, "\nGrants")
	}
	for _, g := range a.Grants {
		fmt.Fprintf(s.stdout, "  %s  %s to %s\n", g.ID, shown(g.From), shownOr(g.Until, "no end"))
		fmt.Fprintf(s.stdout, "    %s (%s)\n", s.tellAll(g.Why), strings.Join(g.Features, ", "))
	}
	if a.NextChange != nil {
		fmt.Fprintf(s.stdout, "\nNext change: %s.\n", shown(*a.NextChange))
	}
}

func untilOf(r billing.Right) string {
	words := "until " + shownOr(r.Until, "")
	if r.Until == nil {
		words = "without end"
	}
	if r.InGrace {
		words += ", in grace"
	}
	return words
}

// tell says a sentence of billing's as the catalogue does.
func (s *streams) tell(each billing.Sentence) string { return s.words.Text(each.ID, each.Data) }

func (s *streams) tellAll(all []billing.Sentence) string {
	texts := make([]string, 0, len(all))
	for _, each := range all {
		texts = append(texts, s.tell(each))
	}
	return strings.Join(texts, " ")
}
