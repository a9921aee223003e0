package tour

import (
	"context"
	"fmt"

	"newsroom.example/membership/locale"
)

// The cards that are typed at the till.
const (
	pays     = "4242 4242 4242 4242"
	declined = "4000 0000 0000 0002"
)

// reader is a person with a browser and an address.
type reader struct {
	*tour
	*browser
	address string
	article string // what they read, "" before they have chosen
}

func (t *tour) reader(name string) *reader {
	return &reader{tour: t, browser: t.browser(), address: name + "@example.org"}
}

// buy goes from the wall through the till, with a card, to the page that thanks.
func (r *reader) buy(ctx context.Context, card string) (till, thanks page, err error) {
	s, err := r.read(ctx)
	if err != nil {
		return page{}, page{}, err
	}
	offers, err := s.link("Become a Member for full access")
	if err != nil {
		return page{}, page{}, err
	}
	choice, err := r.open(ctx, offers)
	if err != nil {
		return page{}, page{}, err
	}
	if till, err = r.submit(ctx, choice.form("/checkout")); err != nil {
		return till, page{}, err
	}
	thanks, err = r.pay(ctx, till, card)
	return till, thanks, err
}

// pay fills in the hosted page and presses its button.
func (r *reader) pay(ctx context.Context, till page, card string) (page, error) {
	f := till.formOf(identified("pay"))
	if f.err == nil && f.values.Get("email") == "" {
		f.fill("email", r.address)
	}
	return r.submit(ctx, f.fill("card", card))
}

// thanked waits, as the page itself does, until the payment is confirmed.
func (r *reader) thanked(ctx context.Context, thanks page, words ...string) (page, error) {
	if thanks.must(words...) == nil {
		return thanks, nil
	}
	address := thanks.url.String()
	err := eventually(ctx, func(ctx context.Context) (err error) {
		if thanks, err = r.open(ctx, address); err != nil {
			return err
		}
		return thanks.must(words...)
	})
	return thanks, err
}

// prove follows the link of the next mail, in this browser.
func (r *reader) prove(ctx context.Context) (mail, page, error) {
	m, err := r.mailTo(ctx, r.address)
	if err != nil {
		return m, page{}, err
	}
	landing, err := r.open(ctx, m.link)
	if err != nil {
		return m, page{}, err
	}
	p, err := r.submit(ctx, landing.form(""))
	return m, p, err
}

// member is somebody who bought a membership and proved their address.
func (t *tour) member(ctx context.Context, name string) (*reader, error) {
	r := t.reader(name)
	_, thanks, err := r.buy(ctx, pays)
	if err != nil {
		return nil, err
	}
	if _, err := r.thanked(ctx, thanks, r.joined()); err != nil {
		return nil, err
	}
	_, p, err := r.prove(ctx)
	if err != nil {
		return nil, err
	}
	return r, p.must(r.signedInAs())
}

// joined is what the page says that thanks a new member.
func (t *tour) joined() string {
	return t.words.Text("thanks.succeeded.membership", locale.Data{"Plan": "Member"})
}

func (r *reader) signedInAs() string {
	return r.words.Text("account.signed_in", locale.Data{"Email": r.address})
}

// account waits until the account page says all of these.
func (r *reader) account(ctx context.Context, words ...string) (p page, err error) {
	err = eventually(ctx, func(ctx context.Context) error {
		if p, err = r.open(ctx, r.Members+"/account"); err != nil {
			return err
		}
		return p.must(words...)
	})
	return p, err
}

// paid is an error unless Stripe holds so many payments from the reader.
func (r *reader) paid(ctx context.Context, times int) error {
	p, err := r.control(ctx)
	if err != nil {
		return err
	}
	found := 0
	for _, payment := range p.rows("payments") {
		if payment.cells["Who"] == r.address {
			found++
		}
	}
	if found != times {
		return unlike(fmt.Sprintf("%d payments of %s", times, r.address), found)
	}
	return nil
}
