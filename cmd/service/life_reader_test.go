package service_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// answer is what the service said to the reader.
type answer struct {
	status int
	to     string // where it leads, if it leads anywhere
	body   string
}

func (l *life) get(path string) answer { return l.send(http.MethodGet, path, nil) }

// post sends a form as the service's own page does.
func (l *life) post(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return l.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (l *life) send(method, path string, body io.Reader) answer {
	l.t.Helper()
	r := must(http.NewRequestWithContext(l.t.Context(), method, membersSite+strings.TrimPrefix(path, membersSite), body))(l.t)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", membersSite)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	got := must(l.reader.Do(r))(l.t)
	defer got.Body.Close()
	text := must(io.ReadAll(got.Body))(l.t)
	return answer{got.StatusCode, got.Header.Get("Location"), string(text)}
}

var mailedLink = regexp.MustCompile(regexp.QuoteMeta(membersSite) + `(/signin/\S+)`)

// signIn proves the reader's address by the next mailed link.
func (l *life) signIn() {
	l.t.Helper()
	before := len(l.mails.Mails())
	l.post("/signin", "email", l.email)
	l.proves(before)
}

// proves follows the link of the first mail after so many that has one.
func (l *life) proves(before int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	mail := must(l.mails.Wait(ctx, func(m mailcatch.Mail) bool {
		return len(l.mails.Mails()) > before && mailedLink.MatchString(m.Text)
	}))(l.t)
	link := mailedLink.FindStringSubmatch(mail.Text)[1]
	if done := l.post(link); done.status != http.StatusSeeOther {
		l.t.Fatalf("signing in answered %d", done.status)
	}
}

// price is the id of a plan's price in euros.
func (l *life) price(plan, interval string) string {
	l.t.Helper()
	var id string
	err := l.books.QueryRow(l.t.Context(), `SELECT id FROM prices WHERE plan_id = $1 AND "interval" = $2 AND currency = 'eur' AND retired_at IS NULL`, plan, interval).Scan(&id)
	if err != nil {
		l.t.Fatalf("no price of %s by the %s: %v", plan, interval, err)
	}
	return id
}

// buys is the reader's way to a membership: our page, Stripe's page with that card or
// account, and back.
func (l *life) buys(plan, interval, card string) *life {
	l.t.Helper()
	return l.pays(l.post("/checkout", "price", l.price(plan, interval)), card)
}

// leavesThePage is a reader who goes as far as Stripe's page, and away.
func (l *life) leavesThePage() *life {
	l.t.Helper()
	if till := l.post("/checkout", "price", l.price("member", "month")); till.status != http.StatusSeeOther {
		l.t.Fatalf("the form was answered with %d:\n%s", till.status, till.body)
	}
	return l.settle()
}

// gives is the reader's way to a gift of so many euros, "once" or every "month".
func (l *life) gives(amount, interval, card string) *life {
	l.t.Helper()
	return l.pays(l.post("/contribute", "currency", "eur", "other", amount, "interval", interval), card)
}

// somebodyElse gives once, from a browser of their own, and has no account.
func (l *life) somebodyElse(amount, card string) *life {
	l.t.Helper()
	reader, email := l.reader, l.email
	defer func() { l.reader, l.email = reader, email }()
	l.reader, l.email = l.browser(), "guest@example.org"
	return l.gives(amount, "once", card)
}

// pays fills in Stripe's page, and proves to the bank who it is if that asks.
func (l *life) pays(till answer, card string) *life {
	l.t.Helper()
	if till.status != http.StatusSeeOther {
		l.t.Fatalf("the form was answered with %d:\n%s", till.status, till.body)
	}
	paid := l.typesAndPays(till.to, card)
	if paid.Location == "" {
		l.t.Fatalf("Stripe's page says %q", paid.Problem)
	}
	l.get(paid.Location)
	return l.settle()
}

func (l *life) typesAndPays(page, card string) simtest.Page {
	l.t.Helper()
	if isAccount.MatchString(card) {
		return l.stripe.PayByDebit(l.t, page, card)
	}
	paid := l.stripe.PayAs(l.t, page, card, l.email)
	if card == simtest.ProvesAlways {
		return l.stripe.Prove(l.t, page)
	}
	return paid
}

var isAccount = regexp.MustCompile(`^[A-Z]{2}\d\d `)

func (l *life) portal() string {
	l.t.Helper()
	led := l.post("/account/portal")
	if led.status != http.StatusSeeOther {
		l.t.Fatalf("the way to the portal answered %d", led.status)
	}
	return led.to
}

// cancelsInPortal cancels to the end of the period.
func (l *life) cancelsInPortal() *life {
	l.t.Helper()
	l.stripe.CancelInPortal(l.t, l.portal())
	return l.settle()
}

// keepsInPortal takes the cancellation back.
func (l *life) keepsInPortal() *life {
	l.t.Helper()
	l.stripe.KeepInPortal(l.t, l.portal())
	return l.settle()
}

func (l *life) changesCardInPortal(card string) *life {
	l.t.Helper()
	if shown := l.stripe.CardInPortal(l.t, l.portal(), card); shown.Problem != "" {
		l.t.Fatalf("the portal says %q", shown.Problem)
	}
	return l.settle()
}

// paysTheInvoice pays the open one on Stripe's page, to which its mail led.
func (l *life) paysTheInvoice(card string) *life {
	l.t.Helper()
	if shown := l.stripe.PayInvoice(l.t, l.publisher.invoice("open").HostedInvoiceURL, card); shown.Problem != "" {
		l.t.Fatalf("the invoice's page says %q", shown.Problem)
	}
	return l.settle()
}

// provesTheInvoice proves to the bank, on the open one's page, who the reader is.
func (l *life) provesTheInvoice() *life {
	l.t.Helper()
	l.stripe.Prove(l.t, l.publisher.invoice("open").HostedInvoiceURL)
	return l.settle()
}

var stopButton = regexp.MustCompile(`action="(/account/gifts/[^"]+/stop)"`)

// stopsTheGift presses the button on our account page.
func (l *life) stopsTheGift() *life {
	l.t.Helper()
	button := stopButton.FindStringSubmatch(l.get("/account").body)
	if button == nil {
		l.t.Fatal("the account page has no button to stop a gift")
	}
	l.post(button[1])
	return l.settle()
}
