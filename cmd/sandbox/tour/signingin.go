package tour

import (
	"context"
	"fmt"
	"net/http"
)

// signingIn is a member on other machines.
func (t *tour) signingIn() journey {
	return journey{"Ada signs in elsewhere", []step{
		{"By the mailed link", t.byLink},
		{"By the mailed code", t.byCode},
	}}
}

// elsewhere asks for a mail to Ada's address from a new browser.
func (t *tour) elsewhere(ctx context.Context) (r *reader, sent page, err error) {
	r = t.reader("ada")
	r.article = t.ada.article
	s, err := r.finds(ctx, false, 0)
	if err != nil {
		return nil, page{}, err
	}
	to, err := s.link("Sign in")
	if err != nil {
		return nil, page{}, err
	}
	p, err := r.open(ctx, to)
	if err != nil {
		return nil, page{}, err
	}
	sent, err = r.submit(ctx, p.form("/signin").fill("email", r.address))
	return r, sent, err
}

func (t *tour) byLink(ctx context.Context) (string, error) {
	r, _, err := t.elsewhere(ctx)
	if err != nil {
		return "", err
	}
	m, back, err := r.prove(ctx)
	if err != nil {
		return "", err
	}
	s, err := storyOn(back)
	if err == nil && !s.full {
		err = unlike("the article, open", s)
	}
	if err != nil {
		return "", err
	}
	again, err := r.open(ctx, m.link)
	if err == nil && again.status != http.StatusGone {
		err = unlike("that the link works once", again)
	}
	return fmt.Sprintf("mail “%s”; it leads back to the open article, and works once", m.subject), err
}

func (t *tour) byCode(ctx context.Context) (string, error) {
	r, sent, err := t.elsewhere(ctx)
	if err != nil {
		return "", err
	}
	m, err := r.mailTo(ctx, r.address)
	if err != nil {
		return "", err
	}
	wrong, err := r.submit(ctx, sent.form("/signin/code").fill("code", "0000 0000"))
	if err != nil {
		return "", err
	}
	if err := wrong.must(r.words.Text("signin.code_wrong")); err != nil {
		return "", err
	}
	back, err := r.submit(ctx, wrong.form("/signin/code").fill("code", m.code))
	if err != nil {
		return "", err
	}
	s, err := storyOn(back)
	if err == nil && !s.full {
		err = unlike("the article, open", s)
	}
	if err != nil {
		return "", err
	}
	return "a wrong code is told so; the right one leads back to the open article", r.signOut(ctx)
}

// signOut ends the session, and with it the access of this browser.
func (r *reader) signOut(ctx context.Context) error {
	p, err := r.account(ctx, r.words.Text("account.signout"))
	if err != nil {
		return err
	}
	if _, err := r.submit(ctx, p.form("/signout")); err != nil {
		return err
	}
	_, err = r.finds(ctx, false, 0)
	return err
}
