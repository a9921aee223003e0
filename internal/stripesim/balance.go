package stripesim

import "math"

// balanceFilters are the filters of GET /v1/balance_transactions.
var balanceFilters = fields{"created": timeRange(), "currency": currency(), "source": id(), "type": text(255)}

// movement is a change of the account's balance. The amount is signed and in
// the currency of its source; the fee is in the account's own.
type movement struct {
	kind, category string // Stripe's type and reporting_category
	description    any
	amount, fee    int64
	feeText        string // empty is Stripe's ordinary fee
}

// book writes a movement that comes from a charge, a refund or a dispute. A
// source in another currency than the account's is exchanged, and its fees are
// in the account's. https://docs.stripe.com/currencies/conversions
func (s *Sim) book(source object, m movement) object {
	amount, code, rate := s.exchanged(m.amount, str(source, "currency"))
	details := []any{}
	if m.fee != 0 {
		details = append(details, object{"amount": m.fee, "application": nil, "currency": code,
			"description": firstOf(m.feeText, "Stripe processing fees"), "type": "stripe_fee"})
	}
	return s.add("balance_transaction", object{
		"type": m.kind, "reporting_category": m.category, "source": source["id"], "currency": code, "exchange_rate": rate,
		"amount": amount, "fee": m.fee, "net": amount - m.fee, "fee_details": details, "description": m.description,
		"available_on": s.unix(), "status": "available",
	})
}

// exchanged answers an amount in the account's currency, and the rate, or the
// amount itself and null where nothing is exchanged.
func (s *Sim) exchanged(amount int64, code string) (int64, string, any) {
	rate, known := s.cfg.Rates[code]
	if s.cfg.Settlement == "" || code == s.cfg.Settlement || !known {
		return amount, code, nil
	}
	units := float64(amount) / math.Pow10(exponent(code)) * rate
	return int64(math.Round(units * math.Pow10(exponent(s.cfg.Settlement)))), s.cfg.Settlement, rate
}

// bookCharge books what a charge brings in, less Stripe's fee.
func (s *Sim) bookCharge(charge object) object {
	amount, _, _ := s.exchanged(num(charge, "amount"), str(charge, "currency"))
	m := movement{kind: "charge", category: "charge", description: charge["description"], amount: num(charge, "amount"), fee: fee(amount)}
	if isDebit(charge) {
		m.kind, m.fee = "payment", debitFee
	}
	return s.book(charge, m)
}

// bookRefund books what a refund takes out; the charge's fee stays paid.
// https://docs.stripe.com/refunds
func (s *Sim) bookRefund(refund, charge object) object {
	m := movement{kind: "refund", category: "refund", description: "REFUND FOR CHARGE", amount: -num(refund, "amount")}
	if isDebit(charge) {
		m.kind = "payment_refund"
	}
	return s.book(refund, m)
}
