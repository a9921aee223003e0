package tour

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// joining is the main road: from the wall to the open article.
type joining struct {
	*reader
	till, thanks page
	opening      int // paragraphs before the wall
	subscription string
}

func (t *tour) joining() journey {
	j := &joining{reader: t.reader("ada")}
	t.ada = j.reader
	return journey{"Ada becomes a member", []step{
		{"The wall", j.wall},
		{"The checkout", j.checkout},
		{"The thanks", j.thankYou},
		{"The webhook", j.webhook},
		{"The entitlement", j.entitlement},
		{"The token's claims", j.claims},
		{"The opened article", j.opened},
		{"The proof of the address", j.proof},
	}}
}

func (j *joining) wall(ctx context.Context) (string, error) {
	s, err := j.finds(ctx, false, 0)
	if err != nil {
		return "", err
	}
	calls := []string{"Become a Member for full access", "Contribute", "Subscribe to our free newsletter to unlock direct links to all sources"}
	for _, call := range append(calls, "Members are reading…") {
		if err := s.must(call); err != nil {
			return "", err
		}
	}
	if s.linked > 0 {
		return "", unlike("no links to sources", s)
	}
	j.opening = s.paragraphs
	return fmt.Sprintf("%s shows %d paragraphs, then “%s”", host(j.article)+s.url.Path, s.paragraphs, calls[0]), nil
}

func (j *joining) checkout(ctx context.Context) (_ string, err error) {
	if j.till, j.thanks, err = j.buy(ctx, pays); err != nil {
		return "", err
	}
	if err := j.till.must("Sandbox: no money moves", "Member", "per month"); err != nil {
		return "", err
	}
	price := text(first(j.till.root, classed("total")))
	return fmt.Sprintf("%s at the simulated Stripe, paid with card %s", price, pays), nil
}

func (j *joining) thankYou(ctx context.Context) (string, error) {
	says := j.joined()
	thanks, err := j.thanked(ctx, j.thanks, says)
	j.thanks = thanks
	return "“" + says + "”", err
}

// heard are the events by which Stripe tells of a first payment.
var heard = []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid"}

func (j *joining) webhook(ctx context.Context) (string, error) {
	err := eventually(ctx, func(ctx context.Context) error {
		for _, event := range heard {
			if _, r, err := j.row(ctx, "deliveries", "Event", event); err != nil {
				return err
			} else if r.cells["Webhook"] != "200" || r.cells["Attempts"] != "1" {
				return unlike(event+" delivered at the first attempt", fmt.Sprintf("%q after %s", r.cells["Webhook"], r.cells["Attempts"]))
			}
		}
		return nil
	})
	return strings.Join(heard, ", ") + ": each answered with 200 at the first attempt", err
}

func (j *joining) entitlement(ctx context.Context) (string, error) {
	_, bought, err := j.row(ctx, "subscriptions", "Who", j.address)
	if err != nil {
		return "", err
	}
	j.subscription = bought.cells["Id"]
	m, err := j.me(ctx)
	if err != nil {
		return "", err
	}
	if !m.full() || m.Tier != "Member" {
		return "", unlike("articles:full as a member", m)
	}
	var lines []string
	for _, e := range m.Entitlements {
		if len(e.Sources) != 1 || e.Sources[0] != "subscription" {
			return "", unlike(e.Feature+" because of a subscription", e.Sources)
		}
		lines = append(lines, fmt.Sprintf("%s until %s, because: %s %s", e.Feature, day(e.Until), e.Sources[0], j.subscription))
	}
	return strings.Join(lines, "\n") + "\n(three days more than is paid, should the renewal be late)", nil
}

func (j *joining) claims(context.Context) (string, error) {
	c, err := j.token()
	if err != nil {
		return "", err
	}
	life := time.Duration(c.Expires-c.IssuedAt) * time.Second
	switch {
	case c.Issuer != j.Members || c.Audience != j.News:
		return "", unlike("a token from "+j.Members+" for "+j.News, c.Issuer+" for "+c.Audience)
	case strings.Join(c.Entitlements, " ") != "articles:full sources:links" || c.Tier != "Member":
		return "", unlike("the entitlements of a member", c.Entitlements)
	case life != 10*time.Minute:
		return "", unlike("a life of ten minutes", life)
	case strings.Contains(fmt.Sprint(c), j.address):
		return "", unlike("no address in the token", "the reader's")
	}
	return fmt.Sprintf("iss %s, aud %s\nsub %s, entitlements %v, tier %s, ev %d, good for %s", c.Issuer, c.Audience, c.Subject, c.Entitlements, c.Tier, c.Version, life), nil
}

func (j *joining) opened(ctx context.Context) (string, error) {
	back, err := j.thanks.link(j.words.Text("thanks.read_on"))
	if err != nil {
		return "", err
	}
	if back != j.article {
		return "", unlike("the way back to "+j.article, back)
	}
	s, err := j.finds(ctx, true, 0)
	if err == nil && (s.paragraphs <= j.opening || s.linked != s.sources) {
		err = unlike("more than the opening, and all sources", s)
	}
	return fmt.Sprintf("all %d paragraphs, and direct links to all %d sources", s.paragraphs, s.sources), err
}

func (j *joining) proof(ctx context.Context) (string, error) {
	m, p, err := j.prove(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("mail “%s”; its link leads to the account of %s", m.subject, j.address), p.must(j.signedInAs(), j.words.Text("source.subscription"))
}
