package billing

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// booksPage is how many rows of our own one page of the doctor reads.
const booksPage = 500

// stretchRows is how many it goes through at a time where it looks for few.
const stretchRows = 2000

// stretchEnd is the id with which the next so many rows of a table end, behind an id. What
// is looked for in them is rare: a page of it would go through the whole table.
func stretchEnd[ID any](ctx context.Context, db *models.DB, model any, after ID) (last ID, more bool, err error) {
	var ids []ID
	if err := db.WithContext(ctx).Model(model).Where("id > ?", after).Order("id").Limit(stretchRows).Pluck("id", &ids).Error; err != nil {
		return last, false, fmt.Errorf("look where the next rows end: %w", err)
	}
	if len(ids) > 0 {
		last = ids[len(ids)-1]
	}
	return last, len(ids) == stretchRows, nil
}

// unlisted asks Stripe for each live subscription that its list has not shown for a
// day, nor to the doctor. Test data can be deleted; a sync then ends it in our books.
func (e *examination) unlisted(ctx context.Context) error {
	for after := ""; ; {
		rows, err := e.s.liveSubscriptions(ctx, after)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !row.unseenSince(e.began.Add(-unseenAfter)) || e.shown.has(row.ID) {
				continue
			}
			if err := e.askFor(ctx, row); err != nil {
				return err
			}
		}
		e.Looked("our live subscriptions", len(rows))
		if len(rows) < unseenRows {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (e *examination) askFor(ctx context.Context, row unseenRow) error {
	lost, err := e.lost(ctx, "subscription "+row.ID, func(params stripe.Params) error {
		_, err := e.s.stripe.Subscriptions.Get(row.ID, &stripe.SubscriptionParams{Params: params})
		return err
	})
	if err != nil || !lost {
		return err
	}
	reads, err := readsOn(e.s.db.WithContext(ctx), row.ID)
	if err != nil {
		return err
	}
	found := Difference{
		Kind: "subscription.extra", Object: row.ID, Member: row.MemberID,
		Words: fmt.Sprintf("Subscription %s%s: Stripe knows no such subscription; our books say %s%s.",
			row.ID, ofMember(row.MemberID), row.Status, reads),
	}
	if e.s.cfg.Livemode {
		found.Words += " " + wrongAccount
		return e.tell([]Difference{found})
	}
	found.subject = e.s.subject(models.SubjectCustomer, row.CustomerID)
	return e.settle(ctx, func(*gorm.DB) ([]Difference, error) { return []Difference{found}, nil }, nil)
}

// wrongAccount is what to look at where Stripe does not know what it once told us of.
const wrongAccount = "Stripe forgets nothing that was live: look whether STRIPE_SECRET_KEY is of the account that it was sold in. --repair does not touch it."
