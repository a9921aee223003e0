package billing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func gift(member *uuid.UUID, amount string, interval models.Interval) billing.Gift {
	return billing.Gift{Buyer: buyer(member), Amount: amount, Currency: "eur", Interval: interval, Name: "A. Donor", Message: "Keep going."}
}

func (n *newsroom) give(g billing.Gift) string {
	n.t.Helper()
	page, err := n.StartDonation(n.t.Context(), g)
	if err != nil {
		n.t.Fatal(err)
	}
	return page
}

func TestGiftsThatAreRefused(t *testing.T) {
	t.Parallel()
	n := open(t)
	for name, c := range map[string]struct {
		change func(*billing.Gift)
		code   string
		field  string
	}{
		"below":          {func(g *billing.Gift) { g.Amount = "1.99" }, "amount_below_minimum", "amount"},
		"zero":           {func(g *billing.Gift) { g.Amount = "0" }, "amount_below_minimum", "amount"},
		"above":          {func(g *billing.Gift) { g.Amount = "5000,01" }, "amount_above_maximum", "amount"},
		"far above":      {func(g *billing.Gift) { g.Amount = "99999999999999999999" }, "amount_above_maximum", "amount"},
		"negative":       {func(g *billing.Gift) { g.Amount = "-10" }, "amount_syntax", "amount"},
		"exponent":       {func(g *billing.Gift) { g.Amount = "1e9" }, "amount_syntax", "amount"},
		"words":          {func(g *billing.Gift) { g.Amount = "ten" }, "amount_syntax", "amount"},
		"nothing":        {func(g *billing.Gift) { g.Amount = "" }, "amount_syntax", "amount"},
		"thousands":      {func(g *billing.Gift) { g.Amount = "1,000" }, "amount_syntax", "amount"},
		"too fine":       {func(g *billing.Gift) { g.Amount = "10.5055" }, "amount_too_fine", "amount"},
		"other currency": {func(g *billing.Gift) { g.Currency = "jpy" }, "currency_not_offered", "currency"},
		"no currency":    {func(g *billing.Gift) { g.Currency = "" }, "currency_not_offered", "currency"},
		"yearly":         {func(g *billing.Gift) { g.Interval = models.Yearly }, "interval_not_offered", "interval"},
		"guest monthly":  {func(g *billing.Gift) { g.Interval = models.Monthly }, "sign_in_for_monthly", "interval"},
		"long message":   {func(g *billing.Gift) { g.Message = strings.Repeat("é", 501) }, "message_too_long", "message"},
		"long name":      {func(g *billing.Gift) { g.Name = strings.Repeat("é", 101) }, "name_too_long", "name"},
	} {
		g := gift(nil, "10", models.Once)
		c.change(&g)
		_, err := n.StartDonation(t.Context(), g)
		var refusal *billing.Error
		if !errors.As(err, &refusal) || refusal.Code != c.code || refusal.Field != c.field {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	var stored int64
	if err := n.db.Model(&models.Donation{}).Count(&stored).Error; err != nil || stored != 0 || n.intents() != 0 {
		t.Errorf("%d gifts and %d intents were stored, %v", stored, n.intents(), err)
	}
}

// A gift counts when its charge succeeded: not when the page was opened, not when
// a card was declined, and once however often Stripe tells.
func TestAGuestsGiftCountsOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	page := n.give(gift(nil, "10,50", models.Once))
	n.settle()
	if got := len(n.ledger()); got != 0 {
		t.Fatalf("%d payments before anybody paid", got)
	}
	n.stripe.PayAs(t, page, simtest.Declined, "donor@example.org")
	n.settle()
	for _, p := range n.ledger() {
		if p.Status == models.PaymentSucceeded {
			t.Fatalf("a declined card counts: %+v", p)
		}
	}
	var intent models.CheckoutIntent
	if err := n.db.Take(&intent).Error; err != nil || intent.Status != models.IntentOpen {
		t.Errorf("after a declined card the checkout is %s, %v", intent.Status, err)
	}
	paid := n.stripe.PayAs(t, page, simtest.Pays, "donor@example.org")
	for range 3 {
		if p := n.purchase(paid.Location); p.State != billing.PurchaseSucceeded || p.Kind != models.IntentDonation || p.Amount.Minor != 1050 || p.Member != nil {
			t.Errorf("%+v", p)
		}
		n.settle()
	}
	var counted []models.Payment
	for _, p := range n.ledger() {
		if p.Status == models.PaymentSucceeded {
			counted = append(counted, p)
		}
	}
	if len(counted) != 1 || counted[0].Amount != 1050 || counted[0].Kind != models.PaymentDonation || counted[0].MemberID != nil {
		t.Errorf("%+v", counted)
	}
	var g models.Donation
	if err := n.db.Take(&g).Error; err != nil || g.DonorEmail != "donor@example.org" || g.Message != "Keep going." {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestAMonthlyGift(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	n.stripe.Pay(t, n.give(gift(&donor, "5", models.Monthly)), simtest.Pays)
	n.settle()
	n.pass(31 * day)
	if got := n.ledger(); len(got) != 2 || got[1].Amount != 500 || got[1].DonationID == nil || *got[1].MemberID != donor {
		t.Fatalf("%+v", got)
	}
	n.reads(donor, false) // a gift opens nothing by itself
	account, err := n.Account(t.Context(), donor)
	if err != nil || len(account.Gifts) != 1 || !account.Gifts[0].Live || account.Gifts[0].NextAt.IsZero() {
		t.Fatalf("%+v, %v", account, err)
	}
	stranger := n.member("stranger@example.org")
	if err := n.StopGift(t.Context(), stranger, account.Gifts[0].DonationID); code(err) != "gift_not_found" {
		t.Errorf("a stranger stopped it: %v", err)
	}
	for range 2 {
		if err := n.StopGift(t.Context(), donor, account.Gifts[0].DonationID); err != nil {
			t.Fatal(err)
		}
	}
	account, err = n.Account(t.Context(), donor)
	if err != nil || len(account.Gifts) != 1 || account.Gifts[0].Live || !account.Gifts[0].NextAt.IsZero() {
		t.Errorf("after stopping: %+v, %v", account.Gifts, err)
	}
	n.pass(60 * day)
	if got := len(n.ledger()); got != 2 {
		t.Errorf("%d payments after it was stopped", got)
	}
}

// A donor who comes back and chooses another amount gets a page for that amount;
// pressing twice opens one.
func TestTheSameGiftFormTwice(t *testing.T) {
	t.Parallel()
	n := open(t)
	g := gift(nil, "10", models.Once)
	first := n.onePage(10, func() (string, error) { return n.StartDonation(t.Context(), g) })
	g.Amount = "25"
	if other := n.give(g); other == first {
		t.Error("another amount got the page of the first")
	}
}

// A payment in the same account that is not a gift of ours is no line of our
// ledger, whatever it says of itself.
func TestAForeignPaymentIsNotBooked(t *testing.T) {
	t.Parallel()
	n := open(t)
	for name, metadata := range map[string]map[string]string{
		"none":          nil,
		"unknown gift":  {"app": "membership", "donation_id": models.NewID().String()},
		"not an id":     {"donation_id": "1; DROP TABLE payments"},
		"another shops": {"order": "42"},
	} {
		page := foreignPayment(n, metadata)
		n.stripe.Pay(t, page, simtest.Pays)
		n.settle()
		if got := len(n.ledger()); got != 0 {
			t.Errorf("%s: %d payments", name, got)
		}
	}
}
