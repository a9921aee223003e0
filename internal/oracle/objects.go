package oracle

// Subscription and the others are what Stripe says, in the words of its API: only what
// the oracle needs.
// https://docs.stripe.com/api at 2023-10-16
//
//nolint:revive // the names are Stripe's own, and say what each is
type (
	Subscription struct {
		ID, Customer, Status string
		CancelAtPeriodEnd    bool              `json:"cancel_at_period_end"`
		CurrentPeriodEnd     int64             `json:"current_period_end"`
		CancelAt             *int64            `json:"cancel_at"`
		EndedAt              *int64            `json:"ended_at"`
		TrialStart           *int64            `json:"trial_start"`
		TrialEnd             *int64            `json:"trial_end"`
		PauseCollection      *struct{}         `json:"pause_collection"`
		Metadata             map[string]string `json:"metadata"`
		Items                struct {
			Data []struct{ Price struct{ ID string } }
		}
	}
	Invoice struct {
		ID, Subscription, Status string
		PaymentIntent            *string `json:"payment_intent"`
		Lines                    struct{ Data []Line }
		StatusTransitions        struct {
			FinalizedAt *int64 `json:"finalized_at"`
		} `json:"status_transitions"`
	}
	Line struct {
		ID               string
		Amount           int64
		Period           struct{ Start, End int64 }
		Price            struct{ ID string }
		ProrationDetails struct {
			CreditedItems *struct {
				Lines []string `json:"invoice_line_items"`
			} `json:"credited_items"`
		} `json:"proration_details"`
	}
	Charge struct {
		ID, Status, Currency string
		Customer             *string
		PaymentIntent        string `json:"payment_intent"`
		Amount               int64
		AmountRefunded       int64 `json:"amount_refunded"`
		Created              int64
		BalanceTransaction   *struct{ Fee int64 }  `json:"balance_transaction"`
		Method               struct{ Type string } `json:"payment_method_details"`
		Refunds              struct{ Data []Refund }
	}
	Refund struct {
		ID, Status, Reason string
		Amount             int64
	}
	Dispute struct {
		ID, Charge, Status string
	}
	PaymentIntent struct {
		ID, Status string
		Metadata   map[string]string
	}
	Event struct {
		ID      string
		Created int64
		Data    struct{ Object struct{ ID string } }
	}
	Customer struct {
		ID       string
		Metadata map[string]string
	}
)

// Fee is Stripe's, in the balance's currency; 0 while nothing has moved.
func (c Charge) Fee() int64 {
	if c.BalanceTransaction == nil {
		return 0
	}
	return c.BalanceTransaction.Fee
}
