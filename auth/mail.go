package auth

import (
	"context"
	"embed"
	"fmt"
	html "html/template"
	"strings"
	text "text/template"
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

//go:embed templates
var templates embed.FS

var (
	mailText = text.Must(text.ParseFS(templates, "templates/mail.txt"))
	mailHTML = html.Must(html.ParseFS(templates, "templates/mail.html"))
)

// signInMail is the job that mails a link and a code. It names the attempt and
// nothing else, because arguments stay in the database: both are derived anew.
type signInMail struct {
	Attempt uuid.UUID `json:"attempt"`
}

// Kind names the job's worker.
func (signInMail) Kind() string { return "sign_in_mail" }

// sendSignInMail sends nothing for an attempt that is no longer good: it was used,
// or asked for again, or the mail server was away for too long.
func (s *Service) sendSignInMail(ctx context.Context, job signInMail) error {
	a, err := s.attempt(ctx, job.Attempt)
	if models.NotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if live, err := s.live(ctx, a.ID); err != nil || !live {
		return err
	}
	mail, err := s.composeSignIn(a)
	if err != nil {
		return err
	}
	return s.mailer.Send(ctx, mail)
}

// letter is what our mails are made of. Button, Code and Other may be missing.
type letter struct {
	Lang, Subject, Intro  string
	Link, Button          string
	CodeIntro, Code       string
	Lifetime, Ignore      string
	Other, OtherLink, Way string // another way out, its address and its button
}

// write makes the letter a mail, plain and rich.
func (l letter) write(to string) (notify.Mail, error) {
	var plain, rich strings.Builder
	if err := mailText.Execute(&plain, l); err != nil {
		return notify.Mail{}, fmt.Errorf("write a mail: %w", err)
	}
	if err := mailHTML.Execute(&rich, l); err != nil {
		return notify.Mail{}, fmt.Errorf("write a mail: %w", err)
	}
	return notify.Mail{To: to, Subject: l.Subject, Text: plain.String(), HTML: rich.String()}, nil
}

func (s *Service) composeSignIn(a models.SignInAttempt) (notify.Mail, error) {
	words := s.words.For(a.Locale)
	gaps := locale.Data{"Site": s.cfg.SiteName, "Minutes": int(attemptLife / time.Minute)}
	about, path := "mail.signin.", "/signin/"
	if a.Kind == models.SignInNewsletter {
		about, path = "mail.newsletter.", "/newsletter/confirm/"
	}
	return letter{
		Lang:      words.Tag(),
		Subject:   words.Text(about+"subject", gaps),
		Intro:     words.Text(about+"intro", gaps),
		Link:      s.cfg.Issuer + path + encodeToken(a.ID, s.pepper.link(a)),
		Button:    words.Text(about+"button", gaps),
		CodeIntro: words.Text("mail.signin.code", gaps),
		Code:      spaced(s.pepper.code(a)),
		Lifetime:  words.Text("mail.signin.lifetime", gaps),
		Ignore:    words.Text("mail.signin.ignore", gaps),
	}.write(a.Email)
}

// spaced is a code as people read it.
func spaced(code string) string { return code[:4] + " " + code[4:] }
