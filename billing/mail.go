package billing

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
	"newsroom.example/membership/notify"
)

// Post is how billing writes to readers, and to Stripe what can wait. Who only adds jobs
// and works none needs no more of it than Jobs.
type Post struct {
	Jobs     *notify.Jobs
	Mailer   *notify.Mailer
	Words    *locale.Catalogue
	SiteName string
}

// WriteBy lets billing write to readers; without it nobody is told. It must come
// before the jobs start.
func (s *Service) WriteBy(post Post) {
	s.post = &post
	notify.AddWorker(post.Jobs, s.sendDuplicateMail)
	notify.AddWorker(post.Jobs, s.tellStripeAddress)
}

// duplicateMail is the job that tells a reader of a second membership that was ended,
// and what of it is given back. It names the errand and nothing else, because arguments stay in the database.
type duplicateMail struct {
	Errand uuid.UUID `json:"errand"`
}

// Kind names the job's worker.
func (duplicateMail) Kind() string { return "duplicate_mail" }

// tellOfErrand enqueues the mail about a second membership, in the transaction that
// notes its refund; where nothing was paid for it, its cancellation.
func (s *Service) tellOfErrand(ctx context.Context, tx *gorm.DB, e models.Errand) error {
	if s.post == nil || e.Cause != models.CauseDuplicate {
		return nil
	}
	if e.Kind == models.CancelSubscription {
		var refundable bool
		err := tx.Raw(`SELECT EXISTS (SELECT FROM payments p WHERE p.subscription_id = ? AND `+refundablePayment+`)`,
			e.SubscriptionID, models.PaymentSucceeded).Scan(&refundable).Error
		if err != nil {
			return fmt.Errorf("look for payments of subscription %s: %w", e.SubscriptionID, err)
		}
		if refundable {
			return nil // the refund is told of
		}
	}
	return s.post.Jobs.Enqueue(ctx, tx, duplicateMail{e.ID}, nil)
}

func (s *Service) sendDuplicateMail(ctx context.Context, job duplicateMail) error {
	var row endedTwin
	err := s.db.WithContext(ctx).Raw(`SELECT e.member_id, p.amount, p.currency FROM errands e LEFT JOIN payments p ON p.payment_intent_id = e.target WHERE e.id = ?`,
		job.Errand).Scan(&row).Error
	if err != nil {
		return fmt.Errorf("load errand %s: %w", job.Errand, err)
	}
	member, err := s.member(ctx, row.MemberID)
	if models.NotFound(err) || err == nil && strings.HasSuffix(member.Address(), noAddress) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.post.Mailer.Send(ctx, s.duplicateLetter(member, row))
}

// endedTwin is a second membership that was ended: whose, and what is given back.
type endedTwin struct {
	MemberID uuid.UUID
	Amount   *int64 // nil: nothing was paid
	Currency *string
}

func (s *Service) duplicateLetter(member models.Member, row endedTwin) notify.Mail {
	words, letter := s.post.Words.For(member.Locale), "mail.ended_twin."
	gaps := locale.Data{"Site": s.post.SiteName, "Account": s.cfg.PublicURL + "/account"}
	if row.Amount != nil {
		letter = "mail.duplicate."
		gaps["Amount"] = money.Of(*row.Amount, *row.Currency)
	}
	lines := []string{words.Text(letter+"intro", gaps), words.Text(letter+"refund", gaps), words.Text("mail.duplicate.account", gaps)}
	return notify.Mail{To: member.Address(), Subject: words.Text(letter+"subject", gaps), Text: strings.Join(lines, "\n\n") + "\n"}
}
