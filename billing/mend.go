package billing

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// A reader whose membership is stuck may not buy another one beside it, and must not be
// left alone with that: there is one step that sets it going again, and here is where it
// leads.

// StuckMembership says what keeps a member's only membership from going on, as
// StartCheckout refuses it: membership_unpaid, membership_paused; "" for nothing.
func (s *Service) StuckMembership(ctx context.Context, memberID uuid.UUID) (string, error) {
	live, err := s.liveMemberships(s.db.WithContext(ctx), memberID)
	if stuck := stuckOf(live); stuck != nil {
		return stuckReason(*stuck), err
	}
	return "", err
}

// liveMemberships are those that have not ended, the newest first.
func (s *Service) liveMemberships(tx *gorm.DB, member uuid.UUID) ([]models.Subscription, error) {
	var live []models.Subscription
	err := tx.Where("customer_id IN (SELECT id FROM customers WHERE member_id = ?)", member).
		Where("kind = ? AND livemode = ? AND status IN ?", models.SubscriptionMembership, s.cfg.Livemode, models.LiveStatuses).
		Order("created_at DESC, id").Find(&live).Error
	if err != nil {
		return nil, fmt.Errorf("list the memberships of %s: %w", member, err)
	}
	return live, nil
}

// stuckOf is the newest of some memberships if none of them goes on; nil for none.
func stuckOf(live []models.Subscription) *models.Subscription {
	if len(live) == 0 || slices.ContainsFunc(live, func(sub models.Subscription) bool { return !sub.Status.Stuck() }) {
		return nil
	}
	return &live[0]
}

func stuckReason(sub models.Subscription) string {
	if sub.Status == models.Paused {
		return "membership_paused"
	}
	return "membership_unpaid"
}

// MendURL is where a member's stuck membership is set going again: the open invoice's
// page at Stripe, or Stripe's portal where a card is missing. One that was resumed with a
// card that Stripe has, or that is not stuck any more, leads to returnURL.
func (s *Service) MendURL(ctx context.Context, memberID uuid.UUID, returnURL string) (string, error) {
	live, err := s.liveMemberships(s.db.WithContext(ctx), memberID)
	if err != nil {
		return "", err
	}
	stuck := stuckOf(live)
	if stuck == nil {
		return returnURL, nil
	}
	sub, err := s.stripe.Subscriptions.Get(stuck.ID, &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}, Expand: stripe.StringSlice([]string{"customer"})})
	if err != nil {
		return "", unavailable("look at a stuck membership", err)
	}
	switch status := models.SubscriptionStatus(sub.Status); {
	case !status.Stuck():
		return returnURL, s.syncNow(ctx, s.subject(models.SubjectCustomer, stuck.CustomerID))
	case status == models.Paused && hasCard(sub):
		return s.resume(ctx, sub, returnURL)
	case status == models.Paused:
		return s.PortalURL(ctx, memberID, returnURL)
	}
	page, err := s.openInvoice(ctx, sub.ID)
	if page == "" && err == nil { // void, or marked as lost: what is left is the portal
		return s.PortalURL(ctx, memberID, returnURL)
	}
	return page, err
}

// hasCard says whether Stripe has something to charge.
func hasCard(sub *stripe.Subscription) bool {
	settings := sub.Customer.InvoiceSettings
	return sub.DefaultPaymentMethod != nil || settings != nil && settings.DefaultPaymentMethod != nil
}

// resume sets a paused membership going: Stripe charges for a period that begins now.
// The same click twice resumes once.
// https://stripe.com/docs/api/subscriptions/resume
func (s *Service) resume(ctx context.Context, sub *stripe.Subscription, returnURL string) (string, error) {
	params := &stripe.SubscriptionResumeParams{Params: stripe.Params{Context: ctx}}
	params.SetIdempotencyKey(fmt.Sprintf("resume_%s_%d", sub.ID, s.clock().Unix()/60))
	if _, err := s.stripe.Subscriptions.Resume(sub.ID, params); err != nil {
		return "", unavailable("resume a membership", err)
	}
	if err := s.syncNow(ctx, s.subject(models.SubjectCustomer, sub.Customer.ID)); err != nil {
		return "", err
	}
	page, err := s.openInvoice(ctx, sub.ID)
	if page == "" {
		page = returnURL // the card was taken
	}
	return page, err
}

// openInvoice is the page of a subscription's newest open invoice: paying that makes the
// subscription active again. "" for none.
// https://stripe.com/docs/billing/subscriptions/overview#unpaid-subscriptions
func (s *Service) openInvoice(ctx context.Context, subscription string) (string, error) {
	list := s.stripe.Invoices.List(&stripe.InvoiceListParams{
		ListParams: page(ctx), Subscription: stripe.String(subscription), Status: stripe.String(string(stripe.InvoiceStatusOpen)),
	})
	for list.Next() { // newest first
		if at := list.Invoice().HostedInvoiceURL; at != "" {
			return at, nil
		}
	}
	if err := list.Err(); err != nil {
		return "", unavailable("list the open invoices", err)
	}
	return "", nil
}
