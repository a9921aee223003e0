package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// sessionLife outlasts every row: a year of virtual time and more.
const sessionLife = 360 * 24 * time.Hour

// person is a reader with a browser. The zero member is a stranger.
type person struct {
	world                  *world
	member                 uuid.UUID
	email                  string
	customer, subscription string // at Stripe, once there are any
	address                string // that a proxy would have seen; "": none was there

	mu      sync.Mutex
	cookies map[string]string
}

const sessionCookie = "__Host-session"

// stranger is somebody who has not been here before.
func (w *world) stranger(name string) *person { return &person{world: w, email: name + "@example.org"} }

// ask sends a request to the service by way of its door, as a browser would, but
// goes nowhere it is sent.
func (p *person) ask(ctx context.Context, method, path string, form url.Values) (*page, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	address := path
	if strings.HasPrefix(path, "/") {
		address = p.world.members() + path
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if p.address != "" {
		req.Header.Set("X-Forwarded-For", p.address)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(address, p.world.members()) {
		p.showCookies(req)
	}
	answer, err := p.world.options.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	p.keepCookies(answer)
	text, err := io.ReadAll(answer.Body)
	return &page{answer.StatusCode, answer.Header.Get("Location"), answer.Header.Get("Retry-After"), string(text)}, err
}

// page is what a browser was answered.
type page struct {
	status     int
	location   string
	retryAfter string
	body       string
}

func (p *person) showCookies(req *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, value := range p.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

func (p *person) keepCookies(answer *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range answer.Cookies() {
		p.setCookie(c.Name, c.Value)
	}
}

func (p *person) setCookie(name, value string) {
	if p.cookies == nil {
		p.cookies = map[string]string{}
	}
	p.cookies[name] = value
}

// signIn gives the browser a session of the member.
func (p *person) signIn(ctx context.Context) error {
	refresh, err := p.world.letIn(ctx, p.member)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setCookie(sessionCookie, refresh)
	return err
}

// signInProven is signIn as by a mailed link: the member may also buy.
func (p *person) signInProven(ctx context.Context) error {
	refresh, err := p.world.letIn(ctx, p.member)
	if err != nil {
		return err
	}
	_, err = p.world.db.Exec(ctx, "UPDATE sessions SET limited = false WHERE member_id = $1", p.member)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setCookie(sessionCookie, refresh)
	return err
}

// me is what the service says of who is signed in.
type me struct {
	MemberID     string `json:"member_id"`
	Entitlements []struct {
		Feature string     `json:"feature"`
		Until   *time.Time `json:"until"`
	} `json:"entitlements"`
}

func (p *person) me(ctx context.Context) (m me, err error) {
	answer, err := p.ask(ctx, http.MethodGet, "/v1/me", nil)
	if err != nil {
		return m, err
	}
	if answer.status != http.StatusOK {
		return m, fmt.Errorf("GET /v1/me: status %d: %s", answer.status, answer.body)
	}
	return m, json.Unmarshal([]byte(answer.body), &m)
}

// checkout posts the form for a price and answers the address of Stripe's page.
func (p *person) checkout(ctx context.Context, price, nonce string) (string, error) {
	return p.till(ctx, "/checkout", url.Values{"price": {price}, "nonce": {nonce}})
}

// give posts the form for a single gift in euros.
func (p *person) give(ctx context.Context, amount, nonce string) (string, error) {
	return p.till(ctx, "/contribute", url.Values{"amount": {amount}, "currency": {"eur"}, "interval": {"once"}, "nonce": {nonce}})
}

// persist presses the button until Stripe's page opens. A form that is refused comes
// back as a new one, with a nonce of its own.
func (p *person) persist(ctx context.Context, price, nonce string) (till string, err error) {
	err = insist(ctx, func() error {
		var refused *refusal
		till, err = p.checkout(ctx, price, nonce)
		if errors.As(err, &refused) && refused.status == http.StatusConflict {
			nonce += "'"
		}
		return err
	})
	return till, err
}

func (p *person) till(ctx context.Context, path string, form url.Values) (string, error) {
	answer, err := p.ask(ctx, http.MethodPost, path, form)
	if err != nil {
		return "", err
	}
	if answer.status != http.StatusSeeOther || !strings.HasPrefix(answer.location, p.world.api.Base) {
		return "", &refusal{path, answer.status}
	}
	return answer.location, nil
}

// refusal is an answer of the service other than the one that was hoped for.
type refusal struct {
	path   string
	status int
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: status %d", r.path, r.status) }

// The cards that are typed at the till.
const (
	cardPays     = "4242 4242 4242 4242"
	cardDeclined = "4000 0000 0000 0002"
	cardDisputed = "4000 0000 0000 0259"
)

// pay fills in Stripe's page, and answers where the browser is sent afterwards.
func (p *person) pay(ctx context.Context, till string) (back string, err error) {
	return p.payWith(ctx, till, url.Values{"card": {cardPays}})
}

func (p *person) payWith(ctx context.Context, till string, form url.Values) (back string, err error) {
	form.Set("email", p.email)
	answer, err := p.ask(ctx, http.MethodPost, till, form)
	if err != nil {
		return "", err
	}
	if answer.status != http.StatusSeeOther {
		return "", fmt.Errorf("pay at %s: status %d", till, answer.status)
	}
	return answer.location, nil
}

// comeBack opens the page that thanks, as the browser does after Stripe.
func (p *person) comeBack(ctx context.Context, back string) error {
	answer, err := p.ask(ctx, http.MethodGet, back, nil)
	if err == nil && answer.status != http.StatusOK {
		err = fmt.Errorf("%s: status %d", back, answer.status)
	}
	return err
}

// buy goes all the way from the form to the page that thanks.
func (p *person) buy(ctx context.Context, nonce string) error {
	till, err := p.checkout(ctx, p.world.shop.month.ID, nonce)
	if err != nil {
		return err
	}
	back, err := p.pay(ctx, till)
	if err != nil {
		return err
	}
	return p.comeBack(ctx, back)
}

// donate goes all the way with a single gift.
func (p *person) donate(ctx context.Context, amount, nonce string) error {
	till, err := p.give(ctx, amount, nonce)
	if err != nil {
		return err
	}
	back, err := p.pay(ctx, till)
	if err != nil {
		return err
	}
	return p.comeBack(ctx, back)
}

// subscribeCustomer buys on a page that the harness opened itself.
func (w *world) subscribeCustomer(ctx context.Context, p *person, price string) error {
	var session struct{ URL string }
	err := w.api.Post(ctx, "/v1/checkout/sessions", url.Values{
		"mode": {"subscription"}, "customer": {p.customer}, "success_url": {w.members() + "/"},
		"line_items[0][price]": {price}, "line_items[0][quantity]": {"1"},
	}, &session)
	if err != nil {
		return err
	}
	_, err = p.pay(ctx, session.URL)
	return err
}

// each runs do for all, so many at once, and answers the first that went wrong.
func each[T any](all []T, atOnce int, do func(T) error) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, one := range all {
		group.Go(func() error { return do(one) })
	}
	return group.Wait()
}
