package paywall

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJWKOfTheRFC(t *testing.T) {
	t.Parallel()
	// The Ed25519 key of RFC 8037, appendix A.2, with its thumbprint, A.3.
	given := JWK{Type: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	public, err := given.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	got, err := NewJWK(public)
	if err != nil {
		t.Fatal(err)
	}
	want := given
	want.ID, want.Use, want.Algorithm = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "sig", "EdDSA"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, unsupported := range []any{"a string", []byte("bytes"), nil} {
		if _, err := NewJWK(unsupported); err == nil {
			t.Errorf("%T was described", unsupported)
		}
	}
}
func TestJWKSDocuments(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := describe(t, &key.PublicKey)
	change := func(f func(*JWK)) JWK { k := good; f(&k); return k }
	cases := map[string]struct {
		keys []JWK
		want int // keys, 0 for refused
	}{
		"none":               {nil, 0},
		"one":                {[]JWK{good}, 1},
		"one beside an RSA":  {[]JWK{good, {Type: "RSA", ID: "r"}}, 1},
		"one and encryption": {[]JWK{good, change(func(k *JWK) { k.Use, k.ID = "enc", "e" })}, 1},
		"only a symmetric":   {[]JWK{{Type: "oct", ID: "s", Algorithm: "HS256"}}, 0},
		"kid twice":          {[]JWK{good, good}, 0},
		"no kid":             {[]JWK{change(func(k *JWK) { k.ID = "" })}, 0},
		"alg of another":     {[]JWK{change(func(k *JWK) { k.Algorithm = "ES384" })}, 0},
		"symmetric alg":      {[]JWK{change(func(k *JWK) { k.Algorithm = "HS256" })}, 0},
		"off the curve":      {[]JWK{change(func(k *JWK) { k.X = k.Y })}, 0},
		"good and off it":    {[]JWK{good, change(func(k *JWK) { k.X, k.ID = k.Y, "x" })}, 0},
		"short coordinate":   {[]JWK{change(func(k *JWK) { k.X = k.X[:20] })}, 0},
		"line break":         {[]JWK{change(func(k *JWK) { k.X = k.X[:20] + "\n" + k.X[20:] })}, 0},
		"Ed25519 with a y":   {[]JWK{{Type: "OKP", Curve: "Ed25519", X: good.X, Y: good.Y, ID: "o"}}, 0},
	}
	for name, c := range cases {
		document, _ := json.Marshal(JWKS{Keys: c.keys})
		got, err := parseJWKS(document)
		if len(got) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"public, max-age=300, stale-while-revalidate=60": "5m0s",
		"max-age=900":                  "15m0s",
		"max-age=0":                    "30s",
		"max-age=31536000":             "1h0m0s",
		"max-age=99999999999999999999": "5m0s",
		"max-age=-1, s-maxage=7":       "5m0s",
		"no-store":                     "5m0s",
		"":                             "5m0s",
	} {
		if got := maxAge(header).String(); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
