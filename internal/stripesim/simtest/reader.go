package simtest

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Cards that readers type.
const (
	Pays           = "4242 4242 4242 4242"
	Declined       = "4000 0000 0000 0002"
	DeclinesLater  = "4000 0000 0000 0341" // pays now, declines at renewal
	ProvesOnce     = "4000 0025 0000 3155" // 3-D Secure now, not at renewal
	ProvesAlways   = "4000 0027 6000 3184" // 3-D Secure each time
	ProvesInVain   = "4000 0082 6000 3178" // 3-D Secure, then insufficient funds
	Disputed       = "4000 0000 0000 0259" // pays, and is disputed
	Inquired       = "4000 0000 0000 1976" // pays, and the bank inquires
	RefundsLate    = "4000 0000 0000 7726" // refunds stay pending for days
	RefundsFail    = "4000 0000 0000 5126" // refunds succeed, and fail after days
	DefaultAddress = "reader@example.org"  // typed where the page knows none
)

// Bank accounts that readers type.
const (
	DebitPays     = "AT61 1904 3002 3457 3201"
	DebitFails    = "AT86 1904 3002 3547 3202"
	DebitDisputed = "AT59 1904 3002 3547 3203" // pays, and the bank takes it back
	BacsPays      = "10-88-00 00012345"
	BacsFails     = "10-88-00 33333335"
)

// Page is what a reader sees after a step.
type Page struct {
	Status   int
	Location string // where the browser was sent, if it was
	Body     string
	Problem  string // the page's alert, if any
}

// Pay opens a hosted checkout page, types the card and the default address,
// and presses the button.
func (s *Server) Pay(t testing.TB, sessionURL, card string) Page {
	t.Helper()
	return s.PayAs(t, sessionURL, card, DefaultAddress)
}

// PayAs is Pay with an e-mail address. The address is typed only if the page
// does not already know one.
func (s *Server) PayAs(t testing.TB, sessionURL, card, email string) Page {
	t.Helper()
	shown := get(t, sessionURL)
	form := fieldsOf(shown.Body)
	if form == nil {
		t.Fatalf("no form on %s (status %d)", sessionURL, shown.Status)
	}
	if form.Get("email") == "" {
		form.Set("email", email)
	}
	form.Set("card", card)
	return post(t, sessionURL, form)
}

// PayByDebit is Pay with a bank account: an IBAN, or a British sort code and
// account number, where the session allows it.
func (s *Server) PayByDebit(t testing.TB, sessionURL, account string) Page {
	t.Helper()
	form := url.Values{"email": {DefaultAddress}, "account": {account}}
	return post(t, sessionURL, form)
}

// PayInvoice types a card on an invoice's hosted page.
func (s *Server) PayInvoice(t testing.TB, invoiceURL, card string) Page {
	t.Helper()
	return post(t, invoiceURL, url.Values{"card": {card}})
}

// Prove completes the bank's authentication on a checkout's or an invoice's
// page that asks for it.
func (s *Server) Prove(t testing.TB, pageURL string) Page {
	t.Helper()
	return answerProof(t, pageURL, "given")
}

// FailProof fails the bank's authentication.
func (s *Server) FailProof(t testing.TB, pageURL string) Page {
	t.Helper()
	return answerProof(t, pageURL, "refused")
}

func answerProof(t testing.TB, pageURL, answer string) Page {
	t.Helper()
	shown := get(t, pageURL)
	if !strings.Contains(shown.Body, `name="proof" value="`+answer+`"`) {
		t.Fatalf("nothing to prove on %s (status %d)", pageURL, shown.Status)
	}
	return post(t, pageURL, url.Values{"proof": {answer}})
}

// CancelInPortal presses the first "cancel" of a portal page.
func (s *Server) CancelInPortal(t testing.TB, portalURL string) Page {
	t.Helper()
	return press(t, portalURL, "cancel")
}

// KeepInPortal takes the cancellation back.
func (s *Server) KeepInPortal(t testing.TB, portalURL string) Page {
	t.Helper()
	return press(t, portalURL, "renew")
}

func press(t testing.TB, portalURL, class string) Page {
	t.Helper()
	shown := get(t, portalURL)
	form := regexp.MustCompile(`(?s)<form[^>]*class="` + class + `">.*?</form>`).FindString(shown.Body)
	if form == "" {
		t.Fatalf("no form %q on %s (status %d)", class, portalURL, shown.Status)
	}
	values := fieldsOf(form)
	values.Set("do", class)
	return post(t, portalURL, values)
}

var (
	input  = regexp.MustCompile(`<input[^>]*\bname="([^"]+)"[^>]*>`)
	value  = regexp.MustCompile(`\bvalue="([^"]*)"`)
	alert  = regexp.MustCompile(`role="alert"[^>]*>([^<]+)<`)
	bodies = int64(1 << 20)
)

// fieldsOf answers the inputs of a form with their values; nil for none.
func fieldsOf(page string) url.Values {
	var form url.Values
	for _, in := range input.FindAllStringSubmatch(page, -1) {
		if form == nil {
			form = url.Values{}
		}
		text := ""
		if v := value.FindStringSubmatch(in[0]); v != nil {
			text = html.UnescapeString(v[1])
		}
		form.Set(in[1], text)
	}
	return form
}

func get(t testing.TB, address string) Page {
	t.Helper()
	resp, err := browser().Get(address)
	return read(t, resp, err)
}

func post(t testing.TB, address string, form url.Values) Page {
	t.Helper()
	resp, err := browser().PostForm(address, form)
	return read(t, resp, err)
}

// browser shows where it is sent and does not go there.
func browser() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func read(t testing.TB, resp *http.Response, err error) Page {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodies))
	if err != nil {
		t.Fatal(err)
	}
	p := Page{Status: resp.StatusCode, Location: resp.Header.Get("Location"), Body: string(body)}
	if m := alert.FindStringSubmatch(p.Body); m != nil {
		p.Problem = html.UnescapeString(m[1])
	}
	return p
}
