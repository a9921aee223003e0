package cli

import (
	"fmt"
	"io"
	"strings"

	"newsroom.example/membership/billing"
)

func (s *streams) printDossier(d billing.Dossier) {
	fmt.Fprintf(s.stdout, "%s (%s)\n", d.Member.Address, proofOf(d.Member))
	s.table(func(w io.Writer) {
		fmt.Fprintf(w, "Member\t%s, since %s\n", d.Member.ID, shown(d.Member.Since))
		if d.Name != "" {
			fmt.Fprintf(w, "Name\t%s\n", d.Name)
		}
		fmt.Fprintf(w, "Language\t%s\n", d.Locale)
		fmt.Fprintf(w, "Signed in\t%s\n", browsers(d.Sessions))
		for _, c := range d.Customers {
			fmt.Fprintf(w, "Customer\t%s, %s\n", c.ID, syncOf(c))
		}
		for _, m := range d.Duplicates {
			fmt.Fprintf(w, "Same address\t%s (%s), since %s\n", m.ID, proofOf(m), shown(m.Since))
		}
		for _, m := range d.Merged {
			fmt.Fprintf(w, "Took in\t%s, on %s\n", m.ID, shown(m.At))
		}
	})
	s.printSubscriptions(d)
	s.printPayments(d)
	s.printAccess(d.Access)
	s.printOpen(d.Open)
	if len(d.Audit) > 0 {
		fmt.Fprintln(s.stdout, "\nDone by hand, the newest first")
	}
	for _, entry := range d.Audit {
		s.printAudit(entry)
	}
}

func browsers(count int64) string {
	if count == 1 {
		return "in 1 browser"
	}
	return fmt.Sprintf("in %d browsers", count)
}

// syncOf is how our books stand beside Stripe's.
func syncOf(c billing.CustomerLine) string {
	words := "never synced"
	if c.SyncedAt != nil {
		words = "synced " + shown(*c.SyncedAt)
	}
	if c.Waiting {
		words += ", something new is waiting"
	}
	if c.Fault != "" {
		words += ", last fault: " + c.Fault
	}
	if c.Deleted {
		words += ", deleted at Stripe"
	}
	return words
}

func (s *streams) printSubscriptions(d billing.Dossier) {
	if len(d.Subscriptions) > 0 {
		fmt.Fprintln(s.stdout, "\nSubscriptions")
	}
	s.table(func(w io.Writer) {
		for _, sub := range d.Subscriptions {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", sub.ID, pricing(sub), sub.Status, courseOf(sub))
		}
	})
	if len(d.Gifts) > 0 {
		fmt.Fprintln(s.stdout, "\nGifts")
	}
	s.table(func(w io.Writer) {
		for _, gift := range d.Gifts {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", gift.ID, gift.Amount, gift.Interval, shown(gift.At))
		}
	})
}

func pricing(sub billing.SubscriptionLine) string {
	if sub.Price == nil {
		return string(sub.Kind)
	}
	return fmt.Sprintf("%s, %s a %s", sub.Plan, sub.Price, sub.Interval)
}

// courseOf is what was paid and what comes.
func courseOf(sub billing.SubscriptionLine) string {
	words := []string{"since " + shown(sub.Since)}
	if sub.PaidThrough != nil {
		words = append(words, "paid until "+shown(*sub.PaidThrough))
	}
	if sub.RenewsAt != nil {
		words = append(words, "renews "+shown(*sub.RenewsAt))
	}
	if sub.EndsAt != nil {
		words = append(words, "ends "+shown(*sub.EndsAt))
	}
	return strings.Join(words, ", ")
}

func (s *streams) printPayments(d billing.Dossier) {
	if len(d.Payments) > 0 {
		fmt.Fprintln(s.stdout, "\nPayments, the newest first")
	}
	s.table(func(w io.Writer) {
		for _, p := range d.Payments {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", p.PaymentIntent, shown(p.At), p.Kind, p.Amount, fateOf(p))
		}
	})
}

// fateOf is what became of a payment.
func fateOf(p billing.PaymentLine) string {
	words := string(p.Status)
	if p.Refunded.Minor > 0 {
		words += ", " + p.Refunded.String() + " refunded"
	}
	if p.Disputed.Minor > 0 {
		words += ", " + p.Disputed.String() + " disputed"
	}
	return words
}
