package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// addressMail is the job that writes to the new or the old address of a change. It
// names the change and nothing else, because arguments stay in the database.
type addressMail struct {
	Change uuid.UUID   `json:"change"`
	To     AddressStep `json:"to"`
}

// Kind names the job's worker.
func (addressMail) Kind() string { return "address_mail" }

// sendAddressMail sends nothing for a change that is over.
func (s *Service) sendAddressMail(ctx context.Context, job addressMail) error {
	c, err := gorm.G[models.AddressChange](s.db.DB).
		Where("id = @id AND "+openChange, map[string]any{"id": job.Change, "now": s.now()}).Take(ctx)
	if models.NotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load change of address %s: %w", job.Change, err)
	}
	mail, err := s.composeAddress(ctx, c, job.To)
	if err != nil {
		return err
	}
	return s.mailer.Send(ctx, mail)
}

func (s *Service) composeAddress(ctx context.Context, c models.AddressChange, to AddressStep) (notify.Mail, error) {
	if to == AddressOld {
		return s.addressOldLetter(c).write(c.OldEmail)
	}
	taken, err := gorm.G[models.Member](s.db.DB).Where("email = ?", c.NewEmail).Count(ctx, "id")
	if err != nil {
		return notify.Mail{}, fmt.Errorf("look for the new address of change %s: %w", c.ID, err)
	}
	if taken > 0 {
		return s.addressTakenLetter(c).write(c.NewEmail)
	}
	return s.addressNewLetter(c).write(c.NewEmail)
}

func (s *Service) addressLink(c models.AddressChange, step AddressStep) string {
	return s.cfg.Issuer + "/address/" + encodeToken(c.ID, s.pepper.address(c, step))
}

func (s *Service) addressNewLetter(c models.AddressChange) letter {
	words, gaps := s.words.For(c.Locale), s.addressGaps(c)
	return letter{
		Lang: words.Tag(), Subject: words.Text("mail.address_new.subject", gaps), Intro: words.Text("mail.address_new.intro", gaps),
		Link: s.addressLink(c, AddressNew), Button: words.Text("mail.address_new.button", gaps),
		CodeIntro: words.Text("mail.address_new.code", gaps), Code: spaced(s.pepper.addressCode(c)),
		Lifetime: words.Text("mail.signin.lifetime", gaps), Ignore: words.Text("mail.address_new.ignore", gaps),
	}
}

func (s *Service) addressOldLetter(c models.AddressChange) letter {
	words, gaps := s.words.For(c.Locale), s.addressGaps(c)
	return letter{
		Lang: words.Tag(), Subject: words.Text("mail.address_old.subject", gaps), Intro: words.Text("mail.address_old.intro", gaps),
		Link: s.addressLink(c, AddressOld), Button: words.Text("mail.address_old.button", gaps), Ignore: words.Text("mail.address_old.why", gaps),
		Other: words.Text("mail.address_old.undo", gaps), OtherLink: s.addressLink(c, AddressUndo), Way: words.Text("mail.address_old.undo_button", gaps),
	}
}

// addressTakenLetter is for somebody whose address is a member's already. Only they
// learn that it is.
func (s *Service) addressTakenLetter(c models.AddressChange) letter {
	words, gaps := s.words.For(c.Locale), s.addressGaps(c)
	return letter{
		Lang: words.Tag(), Subject: words.Text("mail.address_taken.subject", gaps), Intro: words.Text("mail.address_taken.intro", gaps),
		Link: s.cfg.Issuer + "/signin", Button: words.Text("mail.signin.button", gaps), Ignore: words.Text("mail.address_taken.ignore", gaps),
	}
}

func (s *Service) addressGaps(c models.AddressChange) locale.Data {
	return locale.Data{"Site": s.cfg.SiteName, "New": c.NewEmail, "Minutes": int(addressLife / time.Minute)}
}
