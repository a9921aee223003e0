package webhooks

import (
	"log/slog"
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
