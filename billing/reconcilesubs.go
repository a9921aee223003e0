package billing

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// known is what our books hold of the subscriptions on one page and their customers.
type known struct {
	prices  priceBook
	rows    map[string]models.Subscription
	members map[string]*uuid.UUID // by customer: who owns it
	synced  map[string]time.Time  // by customer: when it was last asked for, by the real clock
}

// compareSubscriptions tells which of the listed subscriptions differ from our books.
// What was synced after the page was asked for is newer than the page, and left out.
func (s *Service) compareSubscriptions(tx *gorm.DB, data []*stripe.Subscription, asked time.Time) ([]Difference, error) {
	books, err := s.knownOf(tx, data)
	if err != nil {
		return nil, err
	}
	var found []Difference
	for _, sub := range data {
		row, kept := books.rows[sub.ID]
		switch {
		case kept && !row.SyncedAt.After(asked):
			each, err := s.subscriptionDiffers(tx, row, sub, books)
			if err != nil {
				return nil, err
			}
			found = append(found, each...)
		case !kept && s.expected(sub, books):
			found = append(found, s.subscriptionMissing(sub, books))
		}
	}
	return found, nil
}

func (s *Service) knownOf(tx *gorm.DB, data []*stripe.Subscription) (known, error) {
	books := known{rows: map[string]models.Subscription{}}
	var err error
	if books.prices, err = ourPrices(tx); err != nil {
		return books, err
	}
	var rows []models.Subscription
	if err := tx.Where("id IN ?", append(idsOf(data), "")).Find(&rows).Error; err != nil {
		return books, fmt.Errorf("load the subscriptions of a page: %w", err)
	}
	for _, row := range rows {
		books.rows[row.ID] = row
	}
	customers := []string{""}
	for _, sub := range data {
		customers = append(customers, sub.Customer.ID)
	}
	books.members, books.synced, err = ownersOf(tx, customers)
	return books, err
}

// ownersOf tells whose some customers are, and when each was last synced.
func ownersOf(tx *gorm.DB, customers []string) (members map[string]*uuid.UUID, synced map[string]time.Time, err error) {
	var rows []models.Customer
	if err := tx.Where("id IN ? AND member_id IS NOT NULL", customers).Find(&rows).Error; err != nil {
		return nil, nil, fmt.Errorf("load the customers of a page: %w", err)
	}
	var subjects []models.SyncSubject
	if err := tx.Where("id IN ? AND synced_at IS NOT NULL", customers).Find(&subjects).Error; err != nil {
		return nil, nil, fmt.Errorf("load the subjects of a page: %w", err)
	}
	members, synced = map[string]*uuid.UUID{}, map[string]time.Time{}
	for _, row := range rows {
		members[row.ID] = row.MemberID
	}
	for _, row := range subjects {
		synced[row.ID] = *row.SyncedAt
	}
	return members, synced, nil
}

// expected says that a subscription should be in our books: its customer is one of
// ours, or it carries our mark or a price of ours. A customer whose sync found no
// member is somebody else's, and is asked for again once a day at most.
func (s *Service) expected(sub *stripe.Subscription, books known) bool {
	if books.members[sub.Customer.ID] != nil {
		return true
	}
	marked := sub.Metadata[metaIntent] != "" || sub.Metadata[metaDonation] != ""
	return (marked || slices.ContainsFunc(itemPrices(sub), books.prices.has)) &&
		!s.knownForeign(books.synced[sub.Customer.ID], sub.Created)
}

// knownForeign says that a subject was synced lately and after an object of it was
// made, and that the sync did not take the object for ours.
func (s *Service) knownForeign(synced time.Time, made int64) bool {
	return synced.After(s.real().Add(-unseenAfter)) && synced.After(unix(made).Add(settleAfter))
}

func (s *Service) subscriptionMissing(sub *stripe.Subscription, books known) Difference {
	return Difference{
		Kind: "subscription.missing", Object: sub.ID, Member: books.members[sub.Customer.ID],
		Words: fmt.Sprintf("Subscription %s%s: Stripe says %s since %s; our books do not have it.",
			sub.ID, ofMember(books.members[sub.Customer.ID]), sub.Status, on(unix(sub.Created))),
		subject: s.subject(models.SubjectCustomer, sub.Customer.ID),
	}
}

// subscriptionDiffers compares a row with what a sync would make of the listed object.
func (s *Service) subscriptionDiffers(tx *gorm.DB, row models.Subscription, sub *stripe.Subscription, books known) ([]Difference, error) {
	want := snapshot(state{}, sub, account{row.Account, row.Livemode, &row.CustomerID, nil}, books.prices)
	if row.Kind == models.SubscriptionDonation && want.Kind == models.SubscriptionForeign {
		want.Kind = row.Kind // a list does not show whether a gift is behind it
	}
	words := contrast(append(aspectsOf(want, row), invoiceAspect(sub, row)))
	if words == "" {
		return nil, nil
	}
	if want.Status != row.Status && row.Kind == models.SubscriptionMembership {
		reads, err := readsOn(tx, row.ID)
		if err != nil {
			return nil, err
		}
		words += reads
	}
	member := books.members[row.CustomerID]
	return []Difference{{
		Kind: "subscription.differs", Object: row.ID, Member: member,
		Words:   fmt.Sprintf("Subscription %s%s: %s.", row.ID, ofMember(member), words),
		subject: s.subject(models.SubjectCustomer, row.CustomerID),
	}}, nil
}

func aspectsOf(want, row models.Subscription) []aspect {
	all := []aspect{
		{statusWords(want), statusWords(row)},
		{"its period ends " + moment(want.CurrentPeriodEnd), "its period ends " + moment(row.CurrentPeriodEnd)},
		{trialWords(want.TrialEnd), trialWords(row.TrialEnd)},
		{pauseWords(want.PauseCollection), pauseWords(row.PauseCollection)},
		{"its price is " + want.PriceID, "its price is " + row.PriceID},
		{"it is a " + string(want.Kind), "it is a " + string(row.Kind)},
	}
	if want.EndedAt == nil && row.EndedAt == nil { // otherwise the status has said it
		all = append(all, aspect{endWords(want), endWords(row)})
	}
	return all
}

func statusWords(sub models.Subscription) string {
	if sub.EndedAt != nil {
		return fmt.Sprintf("%s on %s", sub.Status, on(*sub.EndedAt))
	}
	return string(sub.Status)
}

func endWords(sub models.Subscription) string {
	asked := ""
	if sub.CanceledAt != nil {
		asked = fmt.Sprintf(" (asked for %s)", moment(*sub.CanceledAt))
	}
	switch {
	case sub.CancelAtPeriodEnd:
		return "it is to end with its period" + asked
	case sub.CancelAt != nil:
		return "it is to end " + moment(*sub.CancelAt) + asked
	}
	return "it goes on"
}

func trialWords(end *time.Time) string {
	if end == nil {
		return "it has no trial"
	}
	return "its trial ends " + moment(*end)
}

func pauseWords(behavior *string) string {
	if behavior == nil {
		return "it collects money"
	}
	return fmt.Sprintf("its collection is paused (%s)", *behavior)
}

// invoiceAspect compares the latest invoice, by which a payment shows of which no event
// told. A row from before we kept it has nothing to compare.
func invoiceAspect(sub *stripe.Subscription, row models.Subscription) aspect {
	if sub.LatestInvoice == nil || row.LatestInvoiceID == nil {
		return aspect{}
	}
	words := func(id, status string) string { return fmt.Sprintf("its latest invoice %s is %s", id, status) }
	return aspect{
		words(sub.LatestInvoice.ID, string(sub.LatestInvoice.Status)),
		words(*row.LatestInvoiceID, deref(row.LatestInvoiceStatus)),
	}
}

// readsOn tells until when our books let the reader of a subscription read.
func readsOn(tx *gorm.DB, subscription string) (string, error) {
	var grants []models.Grant
	err := tx.Where("source = ? AND source_ref = ?", models.FromSubscription, subscription).Find(&grants).Error
	if err != nil {
		return "", fmt.Errorf("load the grants of %s: %w", subscription, err)
	}
	var until time.Time
	for _, g := range grants {
		until = later(until, end(g))
	}
	if until.IsZero() {
		return ", and give no access", nil
	}
	return ", and the reader reads until " + on(until), nil
}
