package faults

import (
	"context"
	"errors"
	"net/url"
	"time"

	"newsroom.example/membership/internal/oracle"
)

// agree waits until things are quiet, and looks whether every reader may read what
// Stripe says at this moment of the row.
func (w *world) agree(ctx context.Context) error {
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	o := &judge{world: w}
	if err := errors.Join(o.readTruth(ctx), o.readOwners(ctx), o.ledger(ctx), o.entitled(ctx)); err != nil {
		return err
	}
	w.findings = append(w.findings, o.findings...)
	w.checked.reset()
	w.moments++
	return nil
}

// refunds gives money back: a part, a part and the rest, all of it, and all of it by
// a refund that fails afterwards.
func refunds(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 12)
	if err != nil {
		return err
	}
	var failing []string
	for i, p := range people {
		switch i % 4 {
		case 0:
			err = w.refund(ctx, p, 300)
		case 1:
			err = errors.Join(w.refund(ctx, p, 300), w.refund(ctx, p, w.shop.month.Amount-300))
		case 2:
			err = w.refund(ctx, p, 0)
		case 3:
			var id string
			id, err = w.refundByAPI(ctx, p)
			failing = append(failing, id)
		}
		if err != nil {
			return err
		}
	}
	if err := w.agree(ctx); err != nil {
		return err
	}
	for _, id := range failing {
		if err := w.sim.TurnRefund(id, "failed"); err != nil {
			return err
		}
		w.injected.add("refunds that failed", 1)
	}
	return w.agree(ctx)
}

func (w *world) refundByAPI(ctx context.Context, p *person) (id string, err error) {
	charges, err := oracle.List[oracle.Charge](ctx, w.api, "/v1/charges", oracle.ChargesOf(p.customer))
	if err != nil {
		return "", err
	}
	w.injected.add("refunds", 1)
	var made oracle.Refund
	err = w.api.Post(ctx, "/v1/refunds", url.Values{"charge": {charges[0].ID}}, &made)
	return made.ID, err
}

// disputes opens disputes and inquiries, and decides them each way.
func disputes(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 10)
	if err != nil {
		return err
	}
	if err := w.agree(ctx); err != nil {
		return err
	}
	open := make([]string, len(people))
	for i, p := range people {
		charges, err := oracle.List[oracle.Charge](ctx, w.api, "/v1/charges", oracle.ChargesOf(p.customer))
		if err != nil {
			return err
		}
		begin := w.sim.Dispute
		if i%5 >= 3 {
			begin = w.sim.Inquire
		}
		if open[i], err = begin(charges[0].ID, ""); err != nil {
			return err
		}
		w.injected.add("disputes and inquiries", 1)
	}
	if err := w.agree(ctx); err != nil {
		return err
	}
	for i, id := range open {
		outcome := []string{"won", "lost", "", "warning_closed", "needs_response"}[i%5]
		if outcome == "" {
			continue // stays open
		}
		if err := w.sim.ResolveDispute(id, outcome); err != nil {
			return err
		}
		w.injected.add("decided", 1)
	}
	return w.agree(ctx)
}

// Test accounts whose debit is paid, or not, days later.
// https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-your-integration
const (
	accountPays  = "AT611904300234573201"
	accountFails = "AT861904300235473202"
)

// debits has readers pay by SEPA: nothing is open before the bank has paid, and
// renewals are given the time that banks take.
func debits(ctx context.Context, w *world) error {
	people, err := w.newMembers(ctx, 8)
	if err != nil {
		return err
	}
	for i, p := range people {
		account := accountPays
		if i%2 == 1 {
			account = accountFails
		}
		if err := w.debit(ctx, p, account); err != nil {
			return err
		}
	}
	w.injected.add("direct debits", len(people))
	// On their way; paid, or not, by the banks; due again; paid, or not, once more.
	for _, days := range []int{0, 14, 17, 14} {
		for range 4 * days {
			if err := w.advance(day / 4); err != nil {
				return err
			}
		}
		if err := w.agree(ctx); err != nil {
			return err
		}
	}
	return nil
}

// debit subscribes a member by an account.
func (w *world) debit(ctx context.Context, p *person, account string) error {
	var made, session struct{ ID, URL string }
	err := w.api.Post(ctx, "/v1/customers", url.Values{"email": {p.email}, "metadata[member_id]": {p.member.String()}}, &made)
	if err != nil {
		return err
	}
	w.own(made.ID, p.member)
	err = w.api.Post(ctx, "/v1/checkout/sessions", url.Values{
		"mode": {"subscription"}, "customer": {made.ID}, "success_url": {w.members() + "/"}, "payment_method_types[]": {"sepa_debit"},
		"line_items[0][price]": {w.shop.month.ID}, "line_items[0][quantity]": {"1"},
	}, &session)
	if err != nil {
		return err
	}
	_, err = p.payWith(ctx, session.URL, url.Values{"account": {account}})
	return err
}

// renewals lets a month pass for readers whose card pays, whose card pays no more,
// and who have cancelled; looked at before, during and after the retries.
func renewals(ctx context.Context, w *world) error {
	for _, method := range []string{"pm_card_visa", "pm_card_chargeCustomerFail"} {
		people, err := w.newMembers(ctx, 6)
		if err != nil {
			return err
		}
		if err := w.seat(people, method); err != nil {
			return err
		}
		if err := w.update(ctx, people[0], url.Values{"cancel_at_period_end": {"true"}}); err != nil {
			return err
		}
	}
	if err := w.advance(31*day - time.Hour); err != nil {
		return err
	}
	for _, by := range []time.Duration{0, time.Hour, 2 * time.Hour, 4 * day, 4 * day, 10 * day, 14 * day} {
		if err := errors.Join(w.advance(by), w.agree(ctx)); err != nil {
			return err
		}
	}
	return nil
}
