package webhooks

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func intake(t *testing.T) *Intake {
	t.Helper()
	in, err := New(nil, Config{Secrets: []string{"whsec_x"}}, longAgo, longAgo, func() {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// longAgo is a newsroom's clock far from the machine's.
func longAgo() time.Time { return time.Unix(1_000, 0) }

// timely is a header that no body matches, though one must be read to know.
const timely = "t=1000,v1=00"

// Beyond its bound the intake sends Stripe away, to come again, before it reads
// anything.
func TestACrowdIsAskedToComeAgain(t *testing.T) {
	t.Parallel()
	in := intake(t)
	for range maxReading {
		in.bodies.places <- struct{}{}
	}
	if got := knock(t, in); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", got.Code, got.Header().Get("Retry-After"))
	}
	<-in.bodies.places
	if got := knock(t, in); got.Code != http.StatusBadRequest { // let in, and refused for its signature
		t.Errorf("with room: %d", got.Code)
	}
	if len(in.bodies.places) != maxReading-1 {
		t.Errorf("%d places taken, want %d: a place was not given back", len(in.bodies.places), maxReading-1)
	}
}

// Two hundred who send a byte now and then keep nobody else out.
func TestSlowSendersAreNoCrowd(t *testing.T) {
	t.Parallel()
	in := intake(t)
	for range 200 {
		select {
		case in.bodies.places <- struct{}{}:
		default:
		}
	}
	if got := knock(t, in); got.Code != http.StatusBadRequest { // let in, and refused for its signature
		t.Errorf("beside 200 slow senders: %d", got.Code)
	}
}

// knock is a delivery whose body must be read to refuse it.
func knock(t *testing.T, in *Intake) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader("{}"))
	request.Header.Set("Stripe-Signature", timely)
	if err := in.Receive(echo.New().NewContext(request, recorder)); err != nil {
		t.Fatal(err)
	}
	return recorder
}

// Who waits for a commit is bounded too, and being sent away is no acknowledgement.
func TestACrowdAtTheDatabaseIsAskedToComeAgain(t *testing.T) {
	t.Parallel()
	in := intake(t)
	for range maxStoring {
		in.storing <- struct{}{}
	}
	body := `{"id":"evt_1","type":"x"}`
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	request.Header.Set("Stripe-Signature", fmt.Sprintf("t=1000,v1=%x", sign([]byte(body), 1000, "whsec_x")))
	if err := in.Receive(echo.New().NewContext(request, recorder)); err != nil {
		t.Fatal(err)
	}
	if recorder.Code != http.StatusServiceUnavailable || recorder.Header().Get("Retry-After") == "" || len(in.bodies.places) != 0 {
		t.Errorf("%d, Retry-After %q, %d places taken", recorder.Code, recorder.Header().Get("Retry-After"), len(in.bodies.places))
	}
}

// A sender that stops in the middle of its body is answered and let go, whatever
// our clocks say, and one that waits in vain for room for a large body too.
func TestASlowSenderIsLetGo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent    int
		crowded bool
	}{"small": {sent: 1}, "large": {sent: smallBody + 1}, "no room": {sent: smallBody + 1, crowded: true}} {
		in := intake(t)
		in.bodies.readFor = 50 * time.Millisecond
		for c.crowded && len(in.bodies.large) > 0 {
			<-in.bodies.large
		}
		if status := halfSent(t, in, c.sent); status != http.StatusRequestTimeout {
			t.Errorf("%s: status %d", name, status)
		}
		if !c.crowded && len(in.bodies.large) != maxLarge {
			t.Errorf("%s: a large buffer was not given back", name)
		}
	}
}

// halfSent sends the first bytes of a large body and returns what the intake says.
func halfSent(t *testing.T, in *Intake, sent int) (status int) {
	t.Helper()
	e := echo.New()
	e.POST("/", in.Receive)
	server := httptest.NewServer(e)
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	head := "POST / HTTP/1.1\r\nHost: x\r\nStripe-Signature: " + timely + "\r\nContent-Length: 100000\r\n\r\n"
	if _, err := io.WriteString(conn, head+strings.Repeat(" ", sent)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// A whole body is read however far our clocks are from the machine's.
func TestOurClocksDoNotCutABodyShort(t *testing.T) {
	t.Parallel()
	in := intake(t)
	e := echo.New()
	e.POST("/", in.Receive)
	server := httptest.NewServer(e)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(strings.Repeat("x", 100<<10)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Stripe-Signature", timely)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest { // read, and refused for its signature
		t.Errorf("status %d", answer.StatusCode)
	}
}
