package tour

import (
	"context"
	"fmt"
)

// reading is what the member's browser does as time passes.
func (t *tour) reading() journey {
	return journey{"Ada reads on", []step{
		{"15 minutes later", t.soonLater},
		{"A month later", t.monthLater},
	}}
}

func (t *tour) soonLater(ctx context.Context) (string, error) {
	if err := t.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	s, err := t.ada.finds(ctx, true, renewed)
	if err != nil {
		return "", err
	}
	if _, err := t.ada.finds(ctx, true, 0); err != nil {
		return "", err
	}
	return fmt.Sprintf("the token has run out after ten: once by way of %s/renew, and open; the next time no detour", host(s.hops[0])), nil
}

func (t *tour) monthLater(ctx context.Context) (string, error) {
	if err := t.pass(ctx, "a month", "an hour", "an hour"); err != nil {
		return "", err
	}
	if _, err := t.ada.finds(ctx, true, renewed); err != nil {
		return "", err
	}
	end, err := t.ada.periodEnd(ctx)
	if err != nil {
		return "", err
	}
	if _, err := t.ada.account(ctx, t.date("account.renews", end)); err != nil {
		return "", err
	}
	if err := t.ada.paid(ctx, 2); err != nil {
		return "", err
	}
	return "the second month is paid, the session lives: one detour, and open", nil
}
