package tour

import (
	"context"
	"strings"
)

// refunding is a payment that goes back.
type refunding struct{ *reader }

func (t *tour) refunding() journey {
	r := &refunding{t.reader("hana")}
	return journey{"Hana gets her money back", []step{
		{"The refund", r.refund},
		{"The next token", r.next},
	}}
}

func (r *refunding) refund(ctx context.Context) (string, error) {
	var err error
	if r.reader, err = r.member(ctx, "hana"); err != nil {
		return "", err
	}
	if _, err := r.finds(ctx, true, 0); err != nil {
		return "", err
	}
	if err := r.pressIn(ctx, "payments", r.address, "Refund"); err != nil {
		return "", err
	}
	_, paid, err := r.row(ctx, "payments", "Who", r.address)
	if err != nil {
		return "", err
	}
	if paid.cells["Refunded"] != paid.cells["Amount"] {
		return "", unlike("all of it refunded", paid.cells)
	}
	_, err = r.until(ctx, "no articles:full", func(m me) bool { return !m.full() })
	return paid.cells["Refunded"] + " go back; the service holds no entitlement any more", err
}

func (r *refunding) next(ctx context.Context) (string, error) {
	if err := r.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	if _, err := r.finds(ctx, false, renewed); err != nil {
		return "", err
	}
	c, err := r.token()
	if err == nil && len(c.Entitlements) > 0 {
		err = unlike("a token with nothing in it", strings.Join(c.Entitlements, " "))
	}
	return "the token runs out, the next one opens nothing: the wall", err
}
