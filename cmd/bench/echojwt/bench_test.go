// Package echojwt measures github.com/labstack/echo-jwt as its documentation shows it,
// for `make bench`. It is a module of its own, so that the service and those who
// import paywall do not come to depend on what we only compare ourselves with.
package echojwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
)

// BenchmarkEchoJWT serves an article that says nothing to a reader with a token of
// the usual size: the same claims as in the benchmarks of paywall.
func BenchmarkEchoJWT(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	h := echojwt.WithConfig(echojwt.Config{
		SigningKey: key.Public(), SigningMethod: "ES256", TokenLookup: "cookie:__Secure-access",
	})(func(echo.Context) error { return nil })
	r := httptest.NewRequest(http.MethodGet, "/a/ferry", nil)
	r.AddCookie(&http.Cookie{Name: "__Secure-access", Value: token(b, key)})
	c := echo.New().NewContext(r, httptest.NewRecorder())
	b.ReportAllocs()
	for b.Loop() {
		if err := h(c); err != nil {
			b.Fatal(err)
		}
	}
}

func token(b *testing.B, key *ecdsa.PrivateKey) string {
	b.Helper()
	now := time.Now().Unix()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": "http://127.0.0.1:40000", "aud": "https://www.example.news", "sub": "mem_test", "client_id": "web",
		"iat": now, "nbf": now, "exp": now + 600, "jti": "tok_1", "sid": "ses_test", "ev": 1,
		"entitlements": []string{"articles:full", "sources:links"}, "tier": "Supporter", "member_since": 1_700_000_000,
		"grace":  map[string]any{"until": now + 3600, "reason": "payment_failed"},
		"notice": "payment_failed",
	})
	t.Header["kid"], t.Header["typ"] = "jyh1E9ekDJO2tsjMUFSlINCgQYBILLH1nRctwsMdGRI", "at+jwt"
	signed, err := t.SignedString(key)
	if err != nil {
		b.Fatal(err)
	}
	return signed
}
