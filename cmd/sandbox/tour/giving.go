package tour

import (
	"context"
	"fmt"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/money"
)

// giving is gifts: once by a guest, monthly by a member.
type giving struct{ *reader }

func (t *tour) giving() journey {
	g := &giving{t.reader("cleo")}
	return journey{"Cleo and Ada contribute", []step{
		{"A wrong amount", g.tooLittle},
		{"A guest's donation", g.once},
		{"A member's monthly gift", t.monthly},
		{"The gift stopped", t.stopGift},
	}}
}

// sum is a sentence of the service with an amount in it, in euro cents.
func (t *tour) sum(message, gap string, cents int64) string {
	return t.words.Text(message, locale.Data{gap: money.Of(cents, "eur")})
}

func (r *reader) gift(ctx context.Context, interval, amount string) (page, error) {
	p, err := r.open(ctx, r.Members+"/contribute")
	if err != nil {
		return p, err
	}
	return r.submit(ctx, p.form("/contribute").fill("interval", interval).fill("other", amount))
}

func (g *giving) tooLittle(ctx context.Context) (string, error) {
	p, err := g.gift(ctx, "once", "0,50")
	if err != nil {
		return "", err
	}
	says := g.sum("error.amount_below_minimum", "Minimum", 200)
	return "0,50 is answered with “" + says + "”", p.must(says)
}

func (g *giving) once(ctx context.Context) (string, error) {
	till, err := g.gift(ctx, "once", "10")
	if err != nil {
		return "", err
	}
	thanks, err := g.pay(ctx, till, pays)
	if err != nil {
		return "", err
	}
	says := g.sum("thanks.succeeded.once", "Amount", 1000)
	if _, err := g.thanked(ctx, thanks, says); err != nil {
		return "", err
	}
	_, paid, err := g.row(ctx, "payments", "Who", g.address)
	if err != nil {
		return "", err
	}
	if err := g.paid(ctx, 1); err != nil {
		return "", err
	}
	if paid.cells["Amount"] != "10.00 EUR" || paid.cells["Subscription"] != "–" {
		return "", unlike("one payment of 10.00 EUR", paid.cells)
	}
	return fmt.Sprintf("“%s”\nStripe holds %s, %s; nobody had to sign in", says, paid.cells["Amount"], paid.cells["Id"]), nil
}

func (t *tour) monthly(ctx context.Context) (string, error) {
	till, err := t.ada.gift(ctx, "month", "5")
	if err != nil {
		return "", err
	}
	if err := till.must("per month"); err != nil {
		return "", err
	}
	thanks, err := t.ada.pay(ctx, till, pays)
	if err != nil {
		return "", err
	}
	says := t.sum("thanks.succeeded.monthly", "Amount", 500)
	if _, err := t.ada.thanked(ctx, thanks, says); err != nil {
		return "", err
	}
	_, err = t.ada.account(ctx, t.words.Text("account.gifts"), t.sum("membership.monthly", "Amount", 500), t.words.Text("account.stop"))
	return "“" + says + "”\nher account shows it, with the way to stop it", err
}

func (t *tour) stopGift(ctx context.Context) (string, error) {
	p, err := t.ada.account(ctx, t.words.Text("account.stop"))
	if err != nil {
		return "", err
	}
	if _, err := t.ada.submit(ctx, p.formOf(within("section", t.words.Text("account.gifts")))); err != nil {
		return "", err
	}
	if _, err := t.ada.account(ctx, t.words.Text("account.gift_stopped")); err != nil {
		return "", err
	}
	_, r, err := t.row(ctx, "subscriptions", "Amount", "5.00 EUR")
	if err == nil && r.cells["Status"] != "canceled" {
		err = unlike("canceled at Stripe", r.cells["Status"])
	}
	return "one press in the account; at Stripe it is " + r.cells["Status"], err
}
