package tour

import (
	"context"
	"fmt"
	"time"
)

// closesWithin is the sync, the newspaper's next look at the revocations, and some
// seconds for a busy machine.
const closesWithin = 15 * time.Second

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
	if _, err := d.finds(ctx, true, 0); err != nil {
		return "", err
	}
	disputed := time.Now()
	if err := d.pressIn(ctx, "payments", d.address, "Dispute"); err != nil {
		return "", err
	}
	err = eventually(ctx, func(ctx context.Context) error {
		_, err := d.finds(ctx, false, renewed)
		return err
	})
	if err != nil {
		return "", err
	}
	took := time.Since(disputed)
	if took > closesWithin {
		return "", unlike(fmt.Sprintf("the article closed within %s", closesWithin), took)
	}
	why, err := d.explained(ctx, "suspended")
	return fmt.Sprintf("the token had minutes to live, and was called back: the wall after %.1f s\n%s", took.Seconds(), why), err
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
