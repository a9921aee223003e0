package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// reuseMail is the job that tells a reader that a copy of their session was about, and
// that it has been ended. It names the session and nothing else.
type reuseMail struct {
	Session uuid.UUID `json:"session"`
}

// Kind names the job's worker.
func (reuseMail) Kind() string { return "session_reuse_mail" }

// tellOfReuse notes that a refresh token came that should not be about any more, in
// the transaction that ends its session: it ends once, and so is told once.
func (s *Service) tellOfReuse(ctx context.Context, tx *gorm.DB, session models.Session) error {
	err := models.Audit(tx, models.AuditEntry{
		At: s.now(), Actor: "auth", Action: "session.reused", Subject: session.ID.String(), MemberID: &session.MemberID,
		Reason: "an old refresh token was presented",
	})
	if err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, tx, reuseMail{session.ID}, nil)
}

// sendReuseMail writes to proven addresses only: any other may be a stranger's.
func (s *Service) sendReuseMail(ctx context.Context, job reuseMail) error {
	session, err := gorm.G[models.Session](s.db.DB).Where("id = ?", job.Session).Take(ctx)
	if models.NotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load session %s: %w", job.Session, err)
	}
	member, err := gorm.G[models.Member](s.db.DB).Where("id = ?", session.MemberID).Take(ctx)
	if err != nil {
		return fmt.Errorf("load the member of session %s: %w", session.ID, err)
	}
	if member.EmailVerifiedAt == nil {
		return nil
	}
	mail, err := s.composeReuse(member, session)
	if err != nil {
		return err
	}
	return s.mailer.Send(ctx, mail)
}

func (s *Service) composeReuse(m models.Member, session models.Session) (notify.Mail, error) {
	words := s.words.For(m.Locale)
	gaps := locale.Data{"Site": s.cfg.SiteName, "Device": deviceName(words, session.UserAgent)}
	return letter{
		Lang: words.Tag(), Subject: words.Text("mail.reuse.subject", gaps), Intro: words.Text("mail.reuse.intro", gaps),
		Link: s.cfg.Issuer + "/account/devices", Button: words.Text("mail.reuse.button", gaps), Ignore: words.Text("mail.reuse.advice", gaps),
	}.write(m.Address())
}

// deviceName is a device in the reader's words.
func deviceName(words locale.Locale, userAgent string) string {
	browser, system := productsOf(userAgent)
	return Device{Browser: browser, System: system}.Name(words)
}
