package paywalltest_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func TestIssuerLivesByItsClock(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v, before := issuer.Verifier(t), issuer.Now()
	token := issuer.Token(paywalltest.Entitlements("articles:full"))
	if _, err := v.Verify(token); err != nil {
		t.Fatal(err)
	}
	issuer.Advance(time.Hour)
	if got := issuer.Now().Sub(before); got != time.Hour {
		t.Errorf("moved by %v", got)
	}
	if _, err := v.Verify(token); !errors.Is(err, paywall.ErrExpired) {
		t.Errorf("an hour later: %v", err)
	}
	if _, err := v.Verify(issuer.Token(paywalltest.Expired())); !errors.Is(err, paywall.ErrExpired) {
		t.Errorf("Expired: %v", err)
	}
}

func TestRotateKeepsOldKeys(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	old := issuer.Token()
	issuer.Rotate()
	v := issuer.Verifier(t)
	for name, token := range map[string]string{"old": old, "new": issuer.Token()} {
		if _, err := v.Verify(token); err != nil {
			t.Errorf("%s key: %v", name, err)
		}
	}
}

func TestBreak(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	fetch := func() (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.URL()+"/.well-known/jwks.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	whole := string(issuer.JWKS())
	for fault, want := range map[paywalltest.Fault]struct {
		status int
		body   string
	}{
		paywalltest.EmptyJWKS:  {200, `{"keys":[]}`},
		paywalltest.BrokenJWKS: {200, whole[:len(whole)/2]},
		paywalltest.Down:       {503, ""},
		paywalltest.Healthy:    {200, whole},
	} {
		issuer.Break(fault)
		if status, body := fetch(); status != want.status || body != want.body {
			t.Errorf("fault %d: %d %q", fault, status, body)
		}
	}
}

// The matrix holds one good token and many hostile ones, those that verifiers
// are known to accept among them, no two alike.
func TestHostileMatrixHasBothVerdicts(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	seen := map[string]bool{}
	v := issuer.Verifier(t)
	accepted := 0
	issuer.RunHostile(t, func(token string) error {
		if seen[token] {
			t.Errorf("two rows try the same token")
		}
		seen[token] = true
		_, err := v.Verify(token)
		if err == nil {
			accepted++
		}
		return err
	})
	if accepted != 1 || len(seen) < 85 {
		t.Errorf("%d of %d accepted", accepted, len(seen))
	}
}
