package tour

import (
	"context"
	"fmt"
)

func (t *tour) declined() journey {
	r := t.reader("dora")
	return journey{"Dora's card is declined", []step{{"The declined card", r.isDeclined}}}
}

func (r *reader) isDeclined(ctx context.Context) (string, error) {
	_, refused, err := r.buy(ctx, declined)
	if err != nil {
		return "", err
	}
	if err := refused.must("Your card was declined."); err != nil {
		return "", err
	}
	if _, err := r.finds(ctx, false, 0); err != nil {
		return "", err
	}
	if err := r.paid(ctx, 0); err != nil {
		return "", err
	}
	thanks, err := r.pay(ctx, refused, pays)
	if err != nil {
		return "", err
	}
	if _, err := r.thanked(ctx, thanks, r.joined()); err != nil {
		return "", err
	}
	_, err = r.finds(ctx, true, 0)
	return fmt.Sprintf("card %s: “Your card was declined.”, nothing paid, the wall stands; with another card on the same page it opens", declined), err
}

// unheard is a purchase of which no webhook ever tells.
func (t *tour) unheard() journey {
	r := t.reader("emil")
	return journey{"Emil's webhooks get lost", []step{{"The lost webhooks", r.isUnheard}}}
}

func (r *reader) isUnheard(ctx context.Context) (string, error) {
	if err := r.lose(ctx, "1000"); err != nil {
		return "", err
	}
	_, thanks, err := r.buy(ctx, pays)
	if err != nil {
		return "", err
	}
	if _, err := r.thanked(ctx, thanks, r.joined()); err != nil {
		return "", err
	}
	if _, err := r.finds(ctx, true, 0); err != nil {
		return "", err
	}
	_, e, err := r.row(ctx, "deliveries", "Event", "checkout.session.completed")
	if err == nil && e.cells["Webhook"] != "lost on the way, as asked" {
		err = unlike("a lost webhook", e.cells["Webhook"])
	}
	if err != nil {
		return "", err
	}
	return "not one arrived; the page that thanks asked Stripe itself, and the article is open", r.lose(ctx, "0")
}

func (t *tour) lose(ctx context.Context, count string) error {
	p, err := t.control(ctx)
	if err != nil {
		return err
	}
	return t.press(ctx, p.form("/webhooks/lose").fill("count", count))
}
