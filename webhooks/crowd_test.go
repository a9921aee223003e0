package webhooks

import (
	"bufio"
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

// Beyond its bound the intake sends Stripe away, to come again, before it reads
// anything.
func TestACrowdIsAskedToComeAgain(t *testing.T) {
	t.Parallel()
	in, err := New(nil, Config{Secrets: []string{"whsec_x"}}, time.Now, time.Now, func() {}, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	answerTo := func() *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader("{}"))
		if err := in.Receive(echo.New().NewContext(request, recorder)); err != nil {
			t.Fatal(err)
		}
		return recorder
	}
	for range maxAtOnce {
		in.waiting <- struct{}{}
	}
	if got := answerTo(); got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", got.Code, got.Header().Get("Retry-After"))
	}
	<-in.waiting
	if got := answerTo(); got.Code != http.StatusBadRequest { // let in, and refused for its signature
		t.Errorf("with room: %d", got.Code)
	}
	if len(in.waiting) != maxAtOnce-1 {
		t.Errorf("%d places taken, want %d: a place was not given back", len(in.waiting), maxAtOnce-1)
	}
}

// A sender that stops in the middle of its body is answered and let go, whatever
// our clocks say.
func TestASlowSenderIsLetGo(t *testing.T) {
	t.Parallel()
	longAgo := func() time.Time { return time.Unix(1, 0) }
	in, err := New(nil, Config{Secrets: []string{"whsec_x"}}, longAgo, longAgo, func() {}, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	in.readFor = 50 * time.Millisecond
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
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// A whole body is read however far our clocks are from the machine's.
func TestOurClocksDoNotCutABodyShort(t *testing.T) {
	t.Parallel()
	longAgo := func() time.Time { return time.Unix(1, 0) }
	in, err := New(nil, Config{Secrets: []string{"whsec_x"}}, longAgo, longAgo, func() {}, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.POST("/", in.Receive)
	server := httptest.NewServer(e)
	defer server.Close()
	answer, err := http.Post(server.URL, "application/json", strings.NewReader(strings.Repeat("x", 100<<10)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest { // read, and refused for its signature
		t.Errorf("status %d", answer.StatusCode)
	}
}
