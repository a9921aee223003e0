package tour

import (
	"context"
	"fmt"
	"time"

	"newsroom.example/membership/locale"
)

// cancelling is a member who goes, comes back and goes.
type cancelling struct {
	*reader
	end time.Time // of the paid month
}

func (t *tour) cancelling() journey {
	c := &cancelling{reader: t.reader("gus")}
	return journey{"Gus cancels", []step{
		{"The cancellation", c.cancel},
		{"Taken back", c.keep},
		{"Over after the paid month", c.over},
	}}
}

// date is a sentence of the account page with a date in it. The service tells days
// in the zone of its machine, which is ours.
func (t *tour) date(message string, at time.Time) string {
	return t.words.Text(message, locale.Data{"Date": at.Local()})
}

// portal presses a button of Stripe's own page, to which the account leads.
func (r *reader) portal(ctx context.Context, class, button string) (page, error) {
	p, err := r.account(ctx, r.words.Text("account.portal"))
	if err != nil {
		return p, err
	}
	if p, err = r.submit(ctx, p.form("/account/portal")); err != nil {
		return p, err
	}
	return r.submit(ctx, p.formOf(classed(class)).press(button))
}

func (c *cancelling) cancel(ctx context.Context) (string, error) {
	var err error
	if c.reader, err = c.member(ctx, "gus"); err != nil {
		return "", err
	}
	if c.end, err = c.periodEnd(ctx); err != nil {
		return "", err
	}
	p, err := c.portal(ctx, "cancel", "Cancel at the end of the period")
	if err != nil {
		return "", err
	}
	if err := p.must("Cancelled. It stays until " + day(c.end)); err != nil {
		return "", err
	}
	says := c.date("account.ends", c.end)
	if _, err := c.account(ctx, says); err != nil {
		return "", err
	}
	_, err = c.finds(ctx, true, 0)
	return "two presses in Stripe's portal; the account says “" + says + "”", err
}

func (c *cancelling) keep(ctx context.Context) (string, error) {
	if _, err := c.portal(ctx, "renew", "Don’t cancel"); err != nil {
		return "", err
	}
	says := c.date("account.renews", c.end)
	_, err := c.account(ctx, says)
	return "“" + says + "”", err
}

func (c *cancelling) over(ctx context.Context) (string, error) {
	if _, err := c.portal(ctx, "cancel", "Cancel at the end of the period"); err != nil {
		return "", err
	}
	if _, err := c.account(ctx, c.date("account.ends", c.end)); err != nil {
		return "", err
	}
	if err := c.pass(ctx, "a month"); err != nil {
		return "", err
	}
	s, err := c.finds(ctx, false, renewed)
	if err != nil {
		return "", err
	}
	if _, err := c.account(ctx, c.date("account.ended", c.end)); err != nil {
		return "", err
	}
	if err := c.paid(ctx, 1); err != nil {
		return "", err
	}
	now, err := c.now(ctx)
	return fmt.Sprintf("cancelled again; on %s the article is behind the wall after %d paragraphs, and nothing more was charged", day(now), s.paragraphs), err
}
