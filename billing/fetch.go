package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// state is what Stripe says of one subject at present.
type state struct {
	customer      *stripe.Customer // nil for a guest's payment
	subscriptions []*stripe.Subscription
	invoices      []*stripe.Invoice
	payments      []*stripe.PaymentIntent    // of a guest's payment: that one, or none where Stripe has no such
	disputes      map[string]*stripe.Dispute // by charge
	gone          []string                   // live subscriptions of our books that Stripe does not know any more
	at            time.Time                  // when it was asked, by our clock
}

// fetch asks Stripe for everything about a subject, in as few requests as
// expansion allows. No transaction is open while it runs.
func (s *Service) fetch(ctx context.Context, subject models.SyncSubject) (state, error) {
	if subject.Kind == models.SubjectPaymentIntent {
		return s.fetchPayment(ctx, subject.ID)
	}
	return s.fetchCustomer(ctx, subject.ID)
}

// chargeOf is what the ledger needs beside a payment intent, below prefix.
func chargeOf(prefix string) []*string {
	return stripe.StringSlice([]string{
		prefix + "latest_charge.balance_transaction",
		prefix + "latest_charge.refunds",
	})
}

func (s *Service) fetchPayment(ctx context.Context, id string) (state, error) {
	st := state{at: s.clock()}
	params := &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}, Expand: chargeOf("")}
	payment, err := s.stripe.PaymentIntents.Get(id, params)
	if missing(err) {
		return st, nil
	}
	if err != nil {
		return st, fmt.Errorf("get payment intent %s: %w", id, err)
	}
	st.payments = []*stripe.PaymentIntent{payment}
	return st, s.fetchCharges(ctx, &st)
}

// fetchCustomer asks three questions of most customers: their subscriptions, which
// bring the customer along, their invoices and their payments. Who has no
// subscription has no invoice that we would look at.
func (s *Service) fetchCustomer(ctx context.Context, id string) (state, error) {
	st := state{at: s.clock()}
	var err error
	if st.subscriptions, err = s.subscriptionsOf(ctx, id); err != nil {
		return st, err
	}
	if st.gone, err = s.goneOf(ctx, id, st.subscriptions); err != nil {
		return st, err
	}
	if len(st.subscriptions) > 0 {
		st.customer = st.subscriptions[0].Customer
		st.invoices, err = s.invoicesOf(ctx, id)
	} else {
		st.customer, err = s.customerAt(ctx, id)
	}
	if err != nil {
		return st, err
	}
	if st.payments, err = s.paymentsOf(ctx, id); err != nil {
		return st, err
	}
	return st, s.fetchCharges(ctx, &st)
}

// customerAt is a customer as Stripe has it. One that it does not know is deleted test
// data. Of one that was live it still says so after its deletion: not knowing it means
// that we ask in another account, and that nobody's access may end by it.
func (s *Service) customerAt(ctx context.Context, id string) (*stripe.Customer, error) {
	customer, err := s.stripe.Customers.Get(id, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
	if missing(err) {
		return &stripe.Customer{ID: id, Deleted: !s.cfg.Livemode}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get customer %s: %w", id, err)
	}
	return customer, nil
}

// fetchCharges completes what the payments' charges only hint at.
func (s *Service) fetchCharges(ctx context.Context, st *state) error {
	if err := s.completeRefunds(ctx, st.payments); err != nil {
		return err
	}
	var err error
	st.disputes, err = s.disputesOf(ctx, st.payments)
	return err
}

// page is how many objects one list request returns; Stripe's largest.
func page(ctx context.Context) stripe.ListParams {
	return stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}
}

// subscriptionsOf asks with status=all: without it Stripe leaves out canceled
// ones.
func (s *Service) subscriptionsOf(ctx context.Context, customer string) ([]*stripe.Subscription, error) {
	var all []*stripe.Subscription
	list := s.stripe.Subscriptions.List(&stripe.SubscriptionListParams{
		ListParams: page(ctx), Customer: stripe.String(customer), Status: stripe.String("all"),
		Expand: stripe.StringSlice([]string{"data.customer"}),
	})
	for list.Next() {
		all = append(all, list.Subscription())
	}
	if err := list.Err(); err != nil && !missing(err) {
		return nil, fmt.Errorf("list subscriptions of %s: %w", customer, err)
	}
	return all, nil
}

func (s *Service) invoicesOf(ctx context.Context, customer string) ([]*stripe.Invoice, error) {
	var all []*stripe.Invoice
	list := s.stripe.Invoices.List(&stripe.InvoiceListParams{ListParams: page(ctx), Customer: stripe.String(customer)})
	for list.Next() {
		all = append(all, list.Invoice())
	}
	if err := list.Err(); err != nil && !missing(err) {
		return nil, fmt.Errorf("list invoices of %s: %w", customer, err)
	}
	return all, s.completeLines(ctx, all)
}

// completeLines fetches the lines of long invoices: a listed invoice carries its
// first ten.
func (s *Service) completeLines(ctx context.Context, invoices []*stripe.Invoice) error {
	for _, invoice := range invoices {
		if invoice.Lines == nil || !invoice.Lines.HasMore {
			continue
		}
		var all []*stripe.InvoiceLineItem
		list := s.stripe.Invoices.ListLines(&stripe.InvoiceListLinesParams{ListParams: page(ctx), Invoice: stripe.String(invoice.ID)})
		for list.Next() {
			all = append(all, list.InvoiceLineItem())
		}
		if err := list.Err(); err != nil {
			return fmt.Errorf("list the lines of invoice %s: %w", invoice.ID, err)
		}
		invoice.Lines.Data = all
	}
	return nil
}

// completeRefunds fetches the refunds of charges that were refunded in many parts:
// an expanded charge carries its newest ten.
func (s *Service) completeRefunds(ctx context.Context, payments []*stripe.PaymentIntent) error {
	for _, payment := range payments {
		charge := payment.LatestCharge
		if charge == nil || charge.Refunds == nil || !charge.Refunds.HasMore {
			continue
		}
		var all []*stripe.Refund
		list := s.stripe.Refunds.List(&stripe.RefundListParams{ListParams: page(ctx), Charge: stripe.String(charge.ID)})
		for list.Next() {
			all = append(all, list.Refund())
		}
		if err := list.Err(); err != nil {
			return fmt.Errorf("list the refunds of charge %s: %w", charge.ID, err)
		}
		charge.Refunds.Data = all
	}
	return nil
}

func (s *Service) paymentsOf(ctx context.Context, customer string) ([]*stripe.PaymentIntent, error) {
	var all []*stripe.PaymentIntent
	list := s.stripe.PaymentIntents.List(&stripe.PaymentIntentListParams{
		ListParams: page(ctx), Customer: stripe.String(customer), Expand: chargeOf("data."),
	})
	for list.Next() {
		all = append(all, list.PaymentIntent())
	}
	if err := list.Err(); err != nil && !missing(err) {
		return nil, fmt.Errorf("list payment intents of %s: %w", customer, err)
	}
	return all, nil
}

// disputesOf asks for the newest dispute of each disputed charge. A charge says
// only that there is one.
func (s *Service) disputesOf(ctx context.Context, payments []*stripe.PaymentIntent) (map[string]*stripe.Dispute, error) {
	disputes := map[string]*stripe.Dispute{}
	for _, payment := range payments {
		if payment.LatestCharge == nil || !payment.LatestCharge.Disputed {
			continue
		}
		list := s.stripe.Disputes.List(&stripe.DisputeListParams{
			ListParams: page(ctx), PaymentIntent: stripe.String(payment.ID),
		})
		if list.Next() { // newest first
			disputes[payment.LatestCharge.ID] = list.Dispute()
		}
		if err := list.Err(); err != nil {
			return nil, fmt.Errorf("list disputes of %s: %w", payment.ID, err)
		}
	}
	return disputes, nil
}

// invoiceOf finds the invoice that a payment intent settles.
func (st state) invoiceOf(payment string) *stripe.Invoice {
	for _, invoice := range st.invoices {
		if invoice.PaymentIntent != nil && invoice.PaymentIntent.ID == payment {
			return invoice
		}
	}
	return nil
}

// payment finds a fetched payment intent; nil for none.
func (st state) payment(id string) *stripe.PaymentIntent {
	for _, payment := range st.payments {
		if payment.ID == id {
			return payment
		}
	}
	return nil
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// instant is a time that Stripe may leave out: 0 becomes nil.
func instant(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := unix(seconds)
	return &t
}
