package tour

import (
	"context"
	"fmt"
)

// disputing is a payment that its cardholder disputes, until the bank decides.
type disputing struct{ *reader }

func (t *tour) disputing() journey {
	d := &disputing{t.reader("iris")}
	return journey{"Iris's card is disputed", []step{
		{"The dispute", d.open},
		{"The dispute, won", d.win},
	}}
}

func (d *disputing) open(ctx context.Context) (string, error) {
	var err error
	if d.reader, err = d.member(ctx, "iris"); err != nil {
		return "", err
	}
	if err := d.pressIn(ctx, "payments", d.address, "Dispute"); err != nil {
		return "", err
	}
	if _, err := d.until(ctx, "no articles:full", func(m me) bool { return !m.full() }); err != nil {
		return "", err
	}
	if err := d.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	if _, err := d.finds(ctx, false, renewed); err != nil {
		return "", err
	}
	why, err := d.explained(ctx, "suspended")
	return "the next token opens nothing: the wall\n" + why, err
}

func (d *disputing) win(ctx context.Context) (string, error) {
	if err := d.pressIn(ctx, "payments", d.address, "The dispute is won"); err != nil {
		return "", err
	}
	if _, err := d.until(ctx, "articles:full", func(m me) bool { return m.full() }); err != nil {
		return "", err
	}
	if err := d.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	_, err := d.finds(ctx, true, renewed)
	return fmt.Sprintf("the bank gives %s's money back to the newsroom, and the article is open again", d.address), err
}
