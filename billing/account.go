package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Account is what a member sees of their own books.
type Account struct {
	Entitlements Entitlements
	Memberships  []Membership
	Gifts        []MonthlyGift
	Payments     []AccountPayment  // newest first, at most 50
	Stuck        string            // why no membership goes on, as StuckMembership says it
	Portal       bool              // whether there is anything to manage at Stripe
	Words        map[string]string // what each feature is, by its id
}

// Membership is a subscription to a plan.
type Membership struct {
	SubscriptionID, PlanName string
	Price                    money.Money
	Interval                 models.Interval
	Status                   models.SubscriptionStatus
	PaidThrough              time.Time // zero: nothing paid yet
	RenewsAt                 time.Time // zero: it does not renew
	CancelAt                 time.Time // zero: it goes on
}

// MonthlyGift is a donation that is given every month.
type MonthlyGift struct {
	DonationID uuid.UUID
	Amount     money.Money
	Since      time.Time
	NextAt     time.Time // zero: no further charge
	Stopping   bool
	Live       bool
}

// AccountPayment is a line of the member's own ledger.
type AccountPayment struct {
	Kind             models.PaymentKind
	Amount, Refunded money.Money
	PaidAt           time.Time
	Status           models.PaymentStatus
}

// accountPayments is how many payments the account page lists.
const accountPayments = 50

// Account reads a member's entitlements, memberships, gifts and payments.
func (s *Service) Account(ctx context.Context, memberID uuid.UUID) (Account, error) {
	var a Account
	var err error
	if a.Entitlements, err = s.Entitlements(ctx, memberID); err != nil {
		return a, err
	}
	if a.Memberships, err = s.memberships(ctx, memberID); err != nil {
		return a, err
	}
	if a.Gifts, err = s.gifts(ctx, memberID); err != nil {
		return a, err
	}
	if a.Payments, err = s.payments(ctx, memberID); err != nil {
		return a, err
	}
	if a.Words, err = s.featureWords(ctx); err != nil {
		return a, err
	}
	if a.Stuck, err = s.StuckMembership(ctx, memberID); err != nil {
		return a, err
	}
	customer, err := s.knownCustomer(ctx, memberID)
	a.Portal = customer != nil && (len(a.Memberships) > 0 || len(a.Gifts) > 0)
	return a, err
}

// featureWords are the descriptions of all features, also of those that no plan on
// sale has.
func (s *Service) featureWords(ctx context.Context) (map[string]string, error) {
	var all []models.Feature
	if err := s.db.WithContext(ctx).Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list the features: %w", err)
	}
	words := make(map[string]string, len(all))
	for _, f := range all {
		words[f.ID] = f.Description
	}
	return words, nil
}

func (s *Service) memberships(ctx context.Context, memberID uuid.UUID) ([]Membership, error) {
	var rows []struct {
		models.Subscription
		PlanName      string
		PriceAmount   int64
		PriceCurrency string
		PriceInterval models.Interval
	}
	err := s.db.WithContext(ctx).Raw(`
		SELECT s.id, s.status, s.paid_through, s.current_period_end, s.cancel_at_period_end, s.cancel_at, s.ended_at, s.pause_collection,
			plans.name AS plan_name, p.amount AS price_amount, p.currency AS price_currency, p."interval" AS price_interval
		FROM subscriptions s
		JOIN customers c ON c.id = s.customer_id
		JOIN prices p ON p.id = s.price_id
		JOIN plans ON plans.id = p.plan_id
		WHERE c.member_id = ? AND s.kind = ? AND s.livemode = ? AND (s.paid_through IS NOT NULL OR s.status = ?)
		ORDER BY s.created_at DESC`, memberID, models.SubscriptionMembership, s.cfg.Livemode, models.Paused).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the memberships of %s: %w", memberID, err)
	}
	all := make([]Membership, 0, len(rows))
	for _, row := range rows {
		m := Membership{
			SubscriptionID: row.ID, PlanName: row.PlanName, Price: money.Of(row.PriceAmount, row.PriceCurrency),
			Interval: row.PriceInterval, Status: row.Status, PaidThrough: deref(row.PaidThrough),
		}
		m.RenewsAt, m.CancelAt = nextCharge(row.Subscription), endOf(row.Subscription)
		all = append(all, m)
	}
	return all, nil
}

// nextCharge is when Stripe will bill next; zero: it will not.
func nextCharge(sub models.Subscription) time.Time {
	renews := sub.Status == models.Active || sub.Status == models.Trialing
	if !renews || sub.PauseCollection != nil || !endOf(sub).IsZero() {
		return time.Time{}
	}
	return sub.CurrentPeriodEnd
}

// endOf is when a subscription ends or ended by somebody's wish; zero: it goes on.
func endOf(sub models.Subscription) time.Time {
	switch {
	case sub.EndedAt != nil:
		return *sub.EndedAt
	case sub.CancelAt != nil:
		return *sub.CancelAt
	case sub.CancelAtPeriodEnd:
		return sub.CurrentPeriodEnd
	}
	return time.Time{}
}

func (s *Service) gifts(ctx context.Context, memberID uuid.UUID) ([]MonthlyGift, error) {
	var gifts []models.Donation
	db := s.db.WithContext(ctx)
	err := db.Where(`member_id = ? AND "interval" = ? AND livemode = ? AND subscription_id IS NOT NULL`, memberID, models.Monthly, s.cfg.Livemode).
		Order("created_at DESC").Find(&gifts).Error
	if err != nil {
		return nil, fmt.Errorf("list the gifts of %s: %w", memberID, err)
	}
	all := make([]MonthlyGift, 0, len(gifts))
	for _, gift := range gifts {
		var sub models.Subscription
		if err := db.Where("id = ?", gift.SubscriptionID).Take(&sub).Error; err != nil {
			return nil, fmt.Errorf("load the subscription of gift %s: %w", gift.ID, err)
		}
		all = append(all, MonthlyGift{
			DonationID: gift.ID, Amount: money.Of(gift.Amount, gift.Currency), Since: gift.CreatedAt,
			NextAt: nextCharge(sub), Stopping: !sub.Status.Ended() && !endOf(sub).IsZero(), Live: sub.Status.Live(),
		})
	}
	return all, nil
}

func (s *Service) payments(ctx context.Context, memberID uuid.UUID) ([]AccountPayment, error) {
	var rows []models.Payment
	err := s.db.WithContext(ctx).Where("member_id = ? AND livemode = ? AND paid_at IS NOT NULL", memberID, s.cfg.Livemode).
		Order("created_at DESC").Limit(accountPayments).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the payments of %s: %w", memberID, err)
	}
	all := make([]AccountPayment, 0, len(rows))
	for _, row := range rows {
		all = append(all, AccountPayment{
			Kind: row.Kind, Status: row.Status, PaidAt: *row.PaidAt,
			Amount: money.Of(row.Amount, row.Currency), Refunded: money.Of(row.Refunded, row.Currency),
		})
	}
	return all, nil
}

// PortalURL opens Stripe's portal for the member, from which Stripe leads back to
// returnURL. KindNotFound nothing_to_manage for a member without a customer.
func (s *Service) PortalURL(ctx context.Context, memberID uuid.UUID, returnURL string) (string, error) {
	customer, err := s.knownCustomer(ctx, memberID)
	if err != nil {
		return "", err
	}
	if customer == nil {
		return "", &Error{Kind: KindNotFound, Code: "nothing_to_manage"}
	}
	session, err := s.stripe.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Params: stripe.Params{Context: ctx}, Customer: customer, ReturnURL: stripe.String(returnURL), Configuration: s.portalFor(ctx),
	})
	if err != nil {
		return "", unavailable("open the portal", err)
	}
	return session.URL, nil
}

// StopGift ends a monthly gift at once: nothing more is charged. A gift that is
// not the member's is answered like one that does not exist: KindNotFound,
// gift_not_found. Stopping twice is fine.
func (s *Service) StopGift(ctx context.Context, memberID, donationID uuid.UUID) error {
	var sub models.Subscription
	err := s.db.WithContext(ctx).Joins("JOIN donations ON donations.subscription_id = subscriptions.id").
		Where("donations.id = ? AND donations.member_id = ?", donationID, memberID).Take(&sub).Error
	if models.NotFound(err) {
		return &Error{Kind: KindNotFound, Code: "gift_not_found"}
	}
	if err != nil {
		return fmt.Errorf("load the subscription of gift %s: %w", donationID, err)
	}
	_, err = s.stripe.Subscriptions.Cancel(sub.ID, &stripe.SubscriptionCancelParams{Params: stripe.Params{Context: ctx}})
	if err != nil && !missing(err) { // missing: it ended before, and our books may not know
		return unavailable("stop a monthly gift", err)
	}
	return s.syncNow(ctx, s.subject(models.SubjectCustomer, sub.CustomerID))
}
