package billing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Gift is a donation that somebody wants to make, as the form sent it.
type Gift struct {
	Buyer
	Amount   string // as typed
	Currency string
	Interval models.Interval // models.Once or models.Monthly

	Name      string
	Anonymous bool
	Message   string
	Campaign  string
}

// wish is everything that makes this gift another one.
func (g Gift) wish(amount money.Money) string {
	return fmt.Sprintf("%s %s %q %q %t %q", amount, g.Interval, g.Name, g.Message, g.Anonymous, g.Campaign)
}

// The longest name and message, in characters.
const (
	maxName    = 100
	maxMessage = 500
)

// StartDonation opens a page at Stripe for a gift and returns its address. The
// gift counts when its charge has succeeded, not before. Refusals name the field:
// amount_syntax, amount_too_fine, amount_below_minimum, amount_above_maximum,
// currency_not_offered, interval_not_offered, sign_in_for_monthly,
// name_too_long, message_too_long, form_used, stripe_unavailable, and those of Till.
func (s *Service) StartDonation(ctx context.Context, g Gift) (string, error) {
	g.Name, g.Message, g.Campaign = storable(strings.TrimSpace(g.Name)), storable(strings.TrimSpace(g.Message)), storable(g.Campaign)
	amount, err := s.acceptGift(ctx, g)
	if err != nil {
		return "", err
	}
	product, err := s.donationProduct(ctx)
	if err != nil {
		return "", err
	}
	intent, donation, err := s.beginDonation(ctx, g, amount)
	if err != nil {
		return "", err
	}
	customer, err := s.customerOf(ctx, intent)
	if err != nil {
		return "", err
	}
	params := s.sessionParams(intent, "/contribute?return_to="+url.QueryEscape(intent.ReturnTo))
	params.Customer = customer
	params.LineItems = []*stripe.CheckoutSessionLineItemParams{{
		Quantity: stripe.Int64(1),
		PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency:   stripe.String(donation.Currency),
			UnitAmount: stripe.Int64(donation.Amount),
			Product:    stripe.String(product),
		},
	}}
	payOnceOrMonthly(params, donation.Interval, intentMetadata(intent))
	return s.openSession(ctx, intent, params)
}

// payOnceOrMonthly fills in what differs. Only one-off pages may say "donate".
// https://stripe.com/docs/api/checkout/sessions/create#create_checkout_session-submit_type
func payOnceOrMonthly(params *stripe.CheckoutSessionParams, every models.Interval, metadata map[string]string) {
	if every == models.Monthly {
		params.Mode = stripe.String(string(stripe.CheckoutSessionModeSubscription))
		params.LineItems[0].PriceData.Recurring = &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")}
		params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{Metadata: metadata}
		return
	}
	params.Mode = stripe.String(string(stripe.CheckoutSessionModePayment))
	params.SubmitType = stripe.String("donate")
	params.PaymentIntentData = &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: metadata}
}

func (s *Service) acceptGift(ctx context.Context, g Gift) (money.Money, error) {
	offers, err := s.donationOffers(ctx)
	if err != nil {
		return money.Money{}, err
	}
	if err := acceptWords(g); err != nil {
		return money.Money{}, err
	}
	for _, offer := range offers {
		if offer.Currency == g.Currency {
			return acceptAmount(g, offer)
		}
	}
	return money.Money{}, invalid("currency_not_offered", "currency", nil)
}

func acceptWords(g Gift) error {
	switch {
	case utf8.RuneCountInString(g.Name) > maxName:
		return invalid("name_too_long", "name", map[string]any{"Limit": maxName})
	case utf8.RuneCountInString(g.Message) > maxMessage:
		return invalid("message_too_long", "message", map[string]any{"Limit": maxMessage})
	}
	return nil
}

func acceptAmount(g Gift, offer DonationOffer) (money.Money, error) {
	offered := g.Interval == models.Once && offer.Once || g.Interval == models.Monthly && offer.Monthly
	if !offered {
		return money.Money{}, invalid("interval_not_offered", "interval", nil)
	}
	amount, err := money.Parse(g.Amount, g.Currency)
	switch {
	case errors.Is(err, money.ErrTooFine):
		return amount, invalid("amount_too_fine", "amount", nil)
	case errors.Is(err, money.ErrTooLarge), err == nil && amount.Minor > offer.Maximum.Minor:
		return amount, invalid("amount_above_maximum", "amount", map[string]any{"Maximum": offer.Maximum})
	case err != nil:
		return amount, invalid("amount_syntax", "amount", nil)
	case amount.Minor < offer.Minimum.Minor:
		return amount, invalid("amount_below_minimum", "amount", map[string]any{"Minimum": offer.Minimum})
	case g.Interval == models.Monthly && g.MemberID == nil: // last: nobody signs in for a gift that is refused then
		return amount, invalid("sign_in_for_monthly", "interval", nil)
	}
	return amount, nil
}

// beginDonation writes the gift and its intent together, or finds the ones that
// the same form began.
func (s *Service) beginDonation(ctx context.Context, g Gift, amount money.Money) (models.CheckoutIntent, models.Donation, error) {
	intent := s.newIntent(models.IntentDonation, g.Buyer, g.wish(amount))
	donation := models.Donation{
		ID: models.NewID(), Livemode: s.cfg.Livemode, MemberID: g.MemberID,
		DonorName: g.Name, Anonymous: g.Anonymous, Message: g.Message, Campaign: g.Campaign,
		Interval: g.Interval, Currency: amount.Currency, Amount: amount.Minor, CreatedAt: intent.CreatedAt,
	}
	intent.DonationID = &donation.ID
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		known, err := s.sameForm(tx, intent)
		if err != nil {
			return err
		}
		if known != nil {
			intent, donation = *known, models.Donation{}
			return tx.Where("id = ?", known.DonationID).Take(&donation).Error
		}
		if err := tx.Create(&donation).Error; err != nil {
			return err
		}
		if err := tx.Create(&intent).Error; err != nil {
			return err
		}
		return s.admit(ctx, tx, g.Buyer)
	})
	if models.Violates(err, "checkout_intents_form_nonce") {
		return s.beginDonation(ctx, g, amount)
	}
	return intent, donation, err
}

func (s *Service) donationProduct(ctx context.Context) (string, error) {
	var product models.Product
	err := s.db.WithContext(ctx).Where("kind = ? AND livemode = ?", models.ProductDonation, s.cfg.Livemode).Take(&product).Error
	if err != nil {
		return "", fmt.Errorf("load the product of donations (was `membership catalog apply` run?): %w", err)
	}
	return product.ID, nil
}
