package service_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// config is complete; its Stripe and its mail server lead nowhere.
func config(databaseURL string) service.Config {
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	return service.Config{
		Listen: "127.0.0.1:0", PublicURL: "https://members.example.news", SiteName: "The Harbour Lantern",
		ArticleOrigins: []string{"https://www.example.news"}, CookieDomain: "example.news",
		DatabaseURL: databaseURL, DatabaseConns: 4,
		StripeSecretKey: "sk_test_x", StripeWebhookSecrets: []string{"whsec_x"}, StripeAPIBase: "http://127.0.0.1:1",
		SMTPURL: "smtp+plain://127.0.0.1:1", MailFrom: "desk@example.news",
		Pepper: key, SealingKeys: []string{key}, TokenAlgorithm: "ES256", LogLevel: "info",
	}
}

func build(t *testing.T, databaseURL string) (*service.Service, error) {
	t.Helper()
	return service.New(t.Context(), config(databaseURL), service.RealClocks(), slog.New(slog.DiscardHandler))
}

func change(t *testing.T, databaseURL, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func ready(s *service.Service) int {
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://members.example.news/readyz", nil))
	return answer.Code
}

func TestSchemaBehindIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	change(t, url, "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	if _, err := build(t, url); !errors.Is(err, models.ErrSchemaBehind) {
		t.Errorf("got %v", err)
	}
	if _, err := build(t, pgtest.Empty(t)); !errors.Is(err, models.ErrSchemaBehind) {
		t.Errorf("without any table: got %v", err)
	}
}

// While replicas are exchanged, old code meets the new schema.
func TestSchemaAheadIsServed(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	change(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	s, err := build(t, url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if code := ready(s); code != http.StatusOK {
		t.Errorf("/readyz: status %d", code)
	}
}

func TestFaultyConfigIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := service.New(t.Context(), service.Config{}, service.RealClocks(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an empty configuration was taken")
	}
}

// A request that has begun is answered, and nobody is invited to send more.
func TestDrainAnswersWhatHasBegun(t *testing.T) {
	t.Parallel()
	s, err := build(t, pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()

	begun := beginRequest(t, listener.Addr().String())
	if code := ready(s); code != http.StatusOK {
		t.Fatalf("/readyz before: status %d", code)
	}
	stop()
	until(t, "/readyz says no", func() bool { return ready(s) == http.StatusServiceUnavailable })
	until(t, "nobody listens", func() bool {
		_, err := net.Dial("tcp", listener.Addr().String())
		return err != nil
	})
	if status := begun(); status != http.StatusBadRequest { // no signature matches
		t.Errorf("the request that had begun got status %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// Nobody needs a megabyte of headers to ask for a page.
func TestHugeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	s, err := build(t, pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	for size, want := range map[int]int{8 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "x="+strings.Repeat("a", size))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%d bytes of headers: status %d, want %d", size, answer.StatusCode, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// beginRequest sends a request without its body and sees that its handler waits for
// that. The function it returns sends the body and reads the status.
func beginRequest(t *testing.T, address string) (rest func() int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	answers := bufio.NewReader(conn)
	send := func(text string) int {
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	status := send("POST /webhooks/stripe HTTP/1.1\r\nHost: members.example.news\r\n" +
		fmt.Sprintf("Stripe-Signature: t=%d,v1=00\r\n", time.Now().Unix()) + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if status != http.StatusContinue {
		t.Fatalf("the handler did not ask for the body: status %d", status)
	}
	return func() int { return send("{}") }
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(time.Minute); !done(); <-look.C {
		if time.Now().After(deadline) {
			t.Fatalf("not seen in a minute: %s", what)
		}
	}
}
