package stripesim

import "time"

// Refund is a short account of one refund.
type Refund struct {
	ID      string
	Amount  int64
	Status  string // Stripe's own word
	Created time.Time
}

// Payment is one succeeded payment: what a ledger must hold, once.
type Payment struct {
	Intent, Charge                  string
	Customer, Invoice, Subscription string // empty where there is none
	Email                           string
	Amount, Refunded                int64 // in the currency's smallest unit; refunds that failed are not in it
	Currency                        string
	Fee                             int64 // Stripe's, in the balance's currency
	FeeCurrency                     string
	Refunds                         []Refund          // the newest first, failed ones included
	Dispute                         string            // the dispute's id; empty if it was never disputed
	DisputeStatus                   string            // Stripe's own word
	Disputed                        int64             // what a dispute has taken and not given back
	DisputeFee                      int64             // what it cost, in the balance's currency
	Created                         time.Time         // of the charge
	Metadata                        map[string]string // of the payment intent
}

// Net is what is left of the payment: the amount less refunds, what disputes
// took, and Stripe's fees. It means something only if FeeCurrency is Currency.
func (p Payment) Net() int64 { return p.Amount - p.Refunded - p.Fee - p.Disputed - p.DisputeFee }

// Payments answers every payment that succeeded, the newest first. It is read
// from the objects themselves, for a ledger to be compared with.
func (s *Sim) Payments() (out []Payment) {
	s.live(func() {
		for _, c := range s.store.all("charge", func(o object) bool { return str(o, "status") == "succeeded" }) {
			out = append(out, s.payment(c))
		}
	})
	return out
}

func (s *Sim) payment(c object) Payment {
	intent, invoice := s.store.byID[str(c, "payment_intent")], s.store.byID[str(c, "invoice")]
	txn := s.store.byID[str(c, "balance_transaction")]
	p := Payment{
		Intent: str(intent, "id"), Charge: str(c, "id"), Customer: str(c, "customer"), Invoice: str(c, "invoice"),
		Subscription: str(invoice, "subscription"), Email: str(c, "billing_details.email"),
		Amount: num(c, "amount_captured"), Refunded: num(c, "amount_refunded"), Currency: str(c, "currency"),
		Fee: num(txn, "fee"), FeeCurrency: str(txn, "currency"),
		Created: when(c), Metadata: texts(sub(intent, "metadata")),
	}
	for _, r := range s.store.where("refund", "charge", p.Charge) {
		p.Refunds = append(p.Refunds, Refund{str(r, "id"), num(r, "amount"), str(r, "status"), when(r)})
	}
	for _, d := range s.store.where("dispute", "charge", p.Charge) {
		p.Dispute, p.DisputeStatus = str(d, "id"), str(d, "status")
		for _, moved := range objects(array(d, "balance_transactions")) {
			p.DisputeFee += num(moved, "fee")
		}
		if len(array(d, "balance_transactions"))%2 == 1 { // taken, and not given back
			p.Disputed += num(d, "amount")
		}
	}
	return p
}

// Total is the sum of the payments in one currency. Fee has the fees of
// disputes in it.
type Total struct{ Count, Amount, Refunded, Disputed, Fee int64 }

func (t Total) plus(p Payment) Total {
	return Total{t.Count + 1, t.Amount + p.Amount, t.Refunded + p.Refunded, t.Disputed + p.Disputed, t.Fee + p.Fee + p.DisputeFee}
}

// Totals answers the sums of Payments by currency code, in lower case.
func (s *Sim) Totals() map[string]Total {
	out := map[string]Total{}
	for _, p := range s.Payments() {
		out[p.Currency] = out[p.Currency].plus(p)
	}
	return out
}

// Day is a currency on one day, "2025-01-31", in UTC.
type Day struct{ Date, Currency string }

// DailyTotals answers the sums of Payments by the day of the charge and the
// currency. Refunds and disputes count on the day of the payment that they
// lessen.
func (s *Sim) DailyTotals() map[Day]Total {
	out := map[Day]Total{}
	for _, p := range s.Payments() {
		day := Day{p.Created.Format(time.DateOnly), p.Currency}
		out[day] = out[day].plus(p)
	}
	return out
}
