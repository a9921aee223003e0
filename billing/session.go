package billing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// sessionLife is how long a page at Stripe waits for its buyer; Stripe takes 30
// minutes to 24 hours.
// https://stripe.com/docs/api/checkout/sessions/create#create_checkout_session-expires_at
const sessionLife = time.Hour

// openSession asks Stripe for the intent's page. The key is made from the row, so
// that asking twice opens one session.
func (s *Service) openSession(ctx context.Context, intent models.CheckoutIntent, params *stripe.CheckoutSessionParams) (string, error) {
	if intent.SessionURL != "" {
		return intent.SessionURL, nil
	}
	params.Context = ctx
	params.SetIdempotencyKey(fmt.Sprintf("co_%s_%d", intent.ID, intent.Attempt))
	session, err := s.stripe.CheckoutSessions.New(params)
	if missing(err) && params.Customer != nil { // deleted, and no event told us: the next try will know
		err = errors.Join(err, s.markDirty(ctx, s.subject(models.SubjectCustomer, *params.Customer)))
	}
	if keptFailure(err) {
		var lookErr error
		session, lookErr, err = s.openedAllTheSame(ctx, intent, params, err)
		// Not knowing, the same key is asked again, and the list: for as long as a page
		// under it would last.
		if lookErr != nil && intent.ExpiresAt.Sub(s.clock()) > sessionLife*3/4 {
			return "", unavailable("look for a checkout session", lookErr)
		}
	}
	if err != nil {
		return "", s.refused(ctx, intent, "open a checkout session", err)
	}
	return session.URL, s.keepSession(ctx, intent, session)
}

// lookBack is how much older than its intent a page may be dated, where Stripe's
// clock and ours differ; mostSessions how far its list is read.
const (
	lookBack     = 15 * time.Minute
	mostSessions = 1000
)

// openedAllTheSame finds the open page of an intent whose making Stripe answered with
// an error from 500 up: it may have been made before the error. None leaves that
// error, and the next page is opened under another key.
func (s *Service) openedAllTheSame(ctx context.Context, intent models.CheckoutIntent, params *stripe.CheckoutSessionParams, failure error) (found *stripe.CheckoutSession, lookErr, err error) {
	list := s.stripe.CheckoutSessions.List(&stripe.CheckoutSessionListParams{
		ListParams: page(ctx), Customer: params.Customer, Status: stripe.String(string(stripe.CheckoutSessionStatusOpen)),
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: intent.CreatedAt.Add(-lookBack).Unix()},
	})
	for range mostSessions {
		if !list.Next() {
			break
		}
		if session := list.CheckoutSession(); session.ClientReferenceID == intent.ID.String() {
			return session, nil, nil
		}
	}
	return nil, list.Err(), failure
}

// keepSession notes the intent's page. If another tab closed the intent while Stripe
// made the page, the page is closed too: nobody else knows that it is open.
func (s *Service) keepSession(ctx context.Context, intent models.CheckoutIntent, session *stripe.CheckoutSession) error {
	kept := false
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&models.CheckoutIntent{}).Where("id = ? AND status = ?", intent.ID, models.IntentOpen).
			Updates(map[string]any{"session_id": session.ID, "session_url": session.URL})
		kept = done.RowsAffected == 1
		return done.Error
	})
	if err != nil {
		return fmt.Errorf("keep the session of intent %s: %w", intent.ID, err)
	}
	if kept {
		return nil
	}
	if err := s.expireSession(ctx, session.ID); err != nil {
		return err
	}
	return &Error{Kind: KindConflict, Code: "form_used", Err: errMetAnother}
}

// refused moves the intent to its next key where Stripe answers no more but the same
// under this one, and gives the page that will be opened then its whole life.
// Everything else (no answer, an answer still being made, too many requests) is
// asked again under the same key, so that a page that was opened is found.
func (s *Service) refused(ctx context.Context, intent models.CheckoutIntent, doing string, cause error) error {
	if !keyIsSpent(cause) {
		return unavailable(doing, cause)
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.CheckoutIntent{}).
			Where("id = ? AND session_id IS NULL AND attempt = ?", intent.ID, intent.Attempt).
			Updates(map[string]any{"attempt": intent.Attempt + 1, "expires_at": s.clock().Add(sessionLife)}).Error
	})
	if err != nil {
		s.log.ErrorContext(ctx, "could not move a checkout intent to its next attempt", "intent", intent.ID, "error", err)
	}
	return unavailable(doing, cause)
}

// keyIsSpent says whether Stripe keeps this answer under the idempotency key: it
// replays errors too, a 500 for a whole day.
// https://stripe.com/docs/api/idempotent_requests
func keyIsSpent(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.HTTPStatusCode != http.StatusConflict && e.HTTPStatusCode != http.StatusTooManyRequests
}

// keptFailure says whether Stripe failed in the middle of a request, and keeps that
// answer.
func keptFailure(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.HTTPStatusCode >= http.StatusInternalServerError
}

// sessionParams are what every checkout page of ours has.
func (s *Service) sessionParams(intent models.CheckoutIntent, cancelPath string) *stripe.CheckoutSessionParams {
	params := &stripe.CheckoutSessionParams{
		ClientReferenceID: stripe.String(intent.ID.String()),
		SuccessURL:        stripe.String(s.cfg.PublicURL + "/thanks?session_id={CHECKOUT_SESSION_ID}"),
		CancelURL:         stripe.String(s.cfg.PublicURL + cancelPath),
		ExpiresAt:         stripe.Int64(intent.ExpiresAt.Unix()),
		Locale:            stripe.String("auto"),
		Metadata:          intentMetadata(intent),
	}
	return params
}
