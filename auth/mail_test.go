package auth

import (
	"context"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// patience is how long a test waits for something that should come at once.
const patience = 30 * time.Second

// withPost is a bench whose jobs run and whose mail is caught.
func withPost(t *testing.T) (bench, *mailcatch.Catcher) {
	t.Helper()
	b := setup(t)
	post, err := mailcatch.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = post.Close() })
	mailer, err := notify.NewMailer(notify.SMTP{
		Host: "127.0.0.1", Port: post.Addr().Port, From: "The Example <desk@example.news>", TLS: notify.Plain,
	})
	if err != nil {
		t.Fatal(err)
	}
	jobs := notify.NewJobs(b.db, quiet())
	if b.Service, err = New(b.db, jobs, mailer, catalogue(t), testConfig(), b.clock.Now, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := jobs.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b, post
}

// next waits for a mail to that address.
func next(t *testing.T, post *mailcatch.Catcher, to string) mailcatch.Mail {
	t.Helper()
	return nextAbout(t, post, to, "")
}

// nextAbout waits for one whose text has these words.
func nextAbout(t *testing.T, post *mailcatch.Catcher, to, words string) mailcatch.Mail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := post.Wait(ctx, func(m mailcatch.Mail) bool { return m.To == to && strings.Contains(m.Text, words) })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMailBringsLinkAndCode(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	for kind, path := range map[models.SignInKind]string{models.SignInReader: "/signin/", models.SignInNewsletter: "/newsletter/confirm/"} {
		to := string(kind) + "@example.org"
		cookie, err := b.RequestSignIn(t.Context(), SignIn{Email: strings.ToUpper(to), Kind: kind, ReturnTo: "/account"})
		if err != nil {
			t.Fatal(err)
		}
		m := next(t, post, to)
		link, code := linkInMail.FindStringSubmatch(m.Text), codeInMail.FindStringSubmatch(m.Text)
		if link == nil || code == nil {
			t.Fatalf("no link or no code in\n%s", m.Text)
		}
		if !strings.HasPrefix(link[0], "https://members.example.news"+path) || !strings.Contains(m.HTML, `href="`+link[0]+`"`) || !strings.Contains(m.HTML, code[1]) {
			t.Errorf("link %s, code %s, HTML\n%s", link[0], code[1], m.HTML)
		}
		if strings.Contains(m.Raw, "account") {
			t.Error("the way back is in the mail")
		}
		if !b.SameBrowser(t.Context(), link[1], cookie) {
			t.Error("the link is another attempt's")
		}
		if kind == models.SignInReader {
			_, err = b.RedeemCode(t.Context(), cookie, code[1], Client{})
		} else {
			_, err = b.RedeemLink(t.Context(), link[1], Client{})
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func TestMailWaitsForItsServer(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	post.FailNext(451)
	if _, err := b.RequestSignIn(t.Context(), SignIn{Email: "ada@example.org", Kind: models.SignInReader}); err != nil {
		t.Fatal(err)
	}
	next(t, post, "ada@example.org")
	var jobs string
	if err := b.db.Raw(`SELECT string_agg(row_to_json(j)::text, ' ') FROM river_job AS j`).Scan(&jobs).Error; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(jobs, "451") || strings.Contains(jobs, "ada@") {
		t.Errorf("the job keeps\n%s", jobs)
	}
}

func TestMailThatCameTooLateIsNotSent(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	late := b.ask(t, SignIn{Email: "ada@example.org"}).cookie
	next(t, post, "ada@example.org")
	id, _, _ := decodeToken(late, seedBytes)
	b.clock.Advance(time.Hour)
	for _, attempt := range []signInMail{{Attempt: id}, {Attempt: models.NewID()}} {
		if err := b.sendSignInMail(t.Context(), attempt); err != nil {
			t.Error(err)
		}
	}
	if mails := post.Mails(); len(mails) != 1 {
		t.Errorf("%d mails sent", len(mails))
	}
}

func TestEveryMessageIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	words := catalogue(t)
	ids := []string{"mail.signin.code", "mail.signin.lifetime", "mail.signin.ignore"}
	for _, about := range []string{"mail.signin.", "mail.newsletter."} {
		ids = append(ids, about+"subject", about+"intro", about+"button")
	}
	for _, e := range []*Error{
		errEmailInvalid, errLinkUnknown, errLinkExpired, errLinkUsed, errCodeWrong, errCodeExpired,
		errCodeUsed, errTooManyTries, errTooOften, errNoSession, errLimited, errAudience,
		errAddressSame, errAddressTaken, errAddressLink, errAddressOver,
	} {
		ids = append(ids, e.Code)
	}
	for _, id := range ids {
		if !words.Has(id) {
			t.Errorf("no message %s", id)
		}
	}
}
