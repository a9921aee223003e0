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

// Post is how billing writes to readers.
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
}

// duplicateMail is the job that tells a reader of a second membership that was given
// back. It names the errand and nothing else, because arguments stay in the database.
type duplicateMail struct {
	Errand uuid.UUID `json:"errand"`
}

// Kind names the job's worker.
func (duplicateMail) Kind() string { return "duplicate_mail" }

// tellOfErrand enqueues the mail about a refund, in the transaction that notes it.
func (s *Service) tellOfErrand(ctx context.Context, tx *gorm.DB, e models.Errand) error {
	if s.post == nil || e.Kind != models.RefundPayment || e.Cause != models.CauseDuplicate {
		return nil
	}
	return s.post.Jobs.Enqueue(ctx, tx, duplicateMail{e.ID}, nil)
}

func (s *Service) sendDuplicateMail(ctx context.Context, job duplicateMail) error {
	var row struct {
		MemberID uuid.UUID
		Amount   int64
		Currency string
	}
	err := s.db.WithContext(ctx).Raw(`SELECT e.member_id, p.amount, p.currency FROM errands e JOIN payments p ON p.payment_intent_id = e.target WHERE e.id = ?`,
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
	words := s.post.Words.For(member.Locale)
	gaps := locale.Data{"Site": s.post.SiteName, "Amount": money.Of(row.Amount, row.Currency), "Account": s.cfg.PublicURL + "/account"}
	lines := []string{words.Text("mail.duplicate.intro", gaps), words.Text("mail.duplicate.refund", gaps), words.Text("mail.duplicate.account", gaps)}
	return s.post.Mailer.Send(ctx, notify.Mail{To: member.Address(), Subject: words.Text("mail.duplicate.subject", gaps), Text: strings.Join(lines, "\n\n") + "\n"})
}
