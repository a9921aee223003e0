package tour

import (
	"context"
	"fmt"
	"time"

	"newsroom.example/membership/paywall"
)

// failing is a membership whose renewal is never paid.
type failing struct {
	*reader
	end   time.Time // of the month that was paid
	grace time.Time // how long the failed renewal is forgiven
}

func (t *tour) failing() journey {
	f := &failing{reader: t.reader("finn")}
	return journey{"Finn's renewal fails", []step{
		{"The paid month", f.join},
		{"The failed renewal", f.decline},
		{"No free month", f.wait},
	}}
}

func (f *failing) join(ctx context.Context) (string, error) {
	var err error
	if f.reader, err = f.member(ctx, "finn"); err != nil {
		return "", err
	}
	if f.end, err = f.periodEnd(ctx); err != nil {
		return "", err
	}
	if err := f.pressIn(ctx, "subscriptions", f.address, "Decline the next renewal"); err != nil {
		return "", err
	}
	return "paid until " + day(f.end) + "; the card will be declined then", nil
}

// periodEnd is how far Stripe says that the period goes, paid or not.
func (r *reader) periodEnd(ctx context.Context) (time.Time, error) {
	_, s, err := r.row(ctx, "subscriptions", "Who", r.address)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse("2 Jan 2006, 15:04:05 MST", s.cells["Period ends"])
}

func (f *failing) decline(ctx context.Context) (string, error) {
	if err := f.pass(ctx, "a month", "an hour", "an hour"); err != nil {
		return "", err
	}
	m, err := f.until(ctx, "articles:full by grace, past_due", func(m me) bool {
		return m.full() && m.Grace != nil && m.Grace.Reason == "past_due"
	})
	if err != nil {
		return "", err
	}
	moved, err := f.periodEnd(ctx)
	if err != nil {
		return "", err
	}
	f.grace = m.Grace.Until
	if !moved.After(f.grace) {
		return "", unlike("Stripe's period beyond the grace", day(moved)+" and "+day(f.grace))
	}
	s, err := f.finds(ctx, true, renewed)
	if err != nil {
		return "", err
	}
	c, err := f.token()
	if err == nil && (c.Notice != paywall.NoticePaymentFailed || s.notice == "") {
		err = unlike("a word about the payment in the token and on the article", fmt.Sprintf("%q and %q", c.Notice, s.notice))
	}
	return fmt.Sprintf("Stripe has moved the period to %s; we forgive it until %s and no longer\nthe article says “%s”", day(moved), day(f.grace), s.notice), err
}

// wait opens the article on each day until it is closed.
func (f *failing) wait(ctx context.Context) (string, error) {
	open := ""
	for range 31 {
		s, err := f.read(ctx)
		if err != nil {
			return "", err
		}
		now, err := f.now(ctx)
		if err != nil {
			return "", err
		}
		if s.full == !now.Before(f.grace) {
			return "", unlike(fmt.Sprintf("the article open before %s and closed from then on", f.grace.Format(time.RFC3339)), fmt.Sprintf("on %s: %s", now.Format(time.RFC3339), s))
		}
		if !s.full {
			return fmt.Sprintf("open with the notice on %sthe wall on %s: %d days after the paid month", open, day(now), int(now.Sub(f.end).Hours()/24)), nil
		}
		open += now.Format("2 Jan, ")
		if err := f.pass(ctx, "a day"); err != nil {
			return "", err
		}
	}
	return "", unlike("the wall after some days", "the article open for a month: "+open)
}
