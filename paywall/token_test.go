package paywall

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// setOf makes a key set of the keys given, as if fetched.
func setOf(t testing.TB, keys ...JWK) *keySet {
	t.Helper()
	document, err := json.Marshal(JWKS{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseJWKS(document)
	if err != nil {
		t.Fatal(err)
	}
	return &keySet{keys: parsed}
}

func describe(t testing.TB, public crypto.PublicKey) JWK {
	t.Helper()
	k, err := NewJWK(public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func goodClaims() Claims {
	return Claims{
		Issuer: "https://members.example.news", Audience: "https://www.example.news",
		Subject: "mem_1", ClientID: "web", TokenID: "tok_1", SessionID: "ses_1",
		IssuedAt: 1_700_000_000, NotBefore: 1_700_000_000, Expires: 1_700_000_600,
		Entitlements: []string{"articles:full", "sources:links"}, Tier: `Friend "of" the Lantern`,
		MemberSince: 1_600_000_000, Grace: GraceClaim{Until: 1_700_086_400, Reason: "payment_failed"},
		Notice: NoticePaymentFailed, Version: 7,
	}
}

func sign(t testing.TB, alg, kid string, method jwt.SigningMethod, key any) string {
	t.Helper()
	payload, err := json.Marshal(goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	signed := encode([]byte(`{"typ":"at+jwt","alg":"`+alg+`","kid":"`+kid+`"}`)) + "." + encode(payload)
	signature, err := method.Sign(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

func TestAlgorithmBelongsToTheKey(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, b := describe(t, &p256.PublicKey), describe(t, edPublic)
	set := setOf(t, a, b)
	cases := map[string]struct {
		token string
		good  bool
	}{
		"ES256":              {sign(t, "ES256", a.ID, jwt.SigningMethodES256, p256), true},
		"EdDSA":              {sign(t, "EdDSA", b.ID, jwt.SigningMethodEdDSA, ed), true},
		"Ed25519":            {sign(t, "Ed25519", b.ID, jwt.SigningMethodEdDSA, ed), true},
		"ES256 for Ed25519":  {sign(t, "ES256", b.ID, jwt.SigningMethodEdDSA, ed), false},
		"EdDSA for P-256":    {sign(t, "EdDSA", a.ID, jwt.SigningMethodES256, p256), false},
		"lower case":         {sign(t, "es256", a.ID, jwt.SigningMethodES256, p256), false},
		"the other key's id": {sign(t, "EdDSA", b.ID, jwt.SigningMethodES256, p256), false},
	}
	for name, c := range cases {
		got, err := set.check(c.token)
		if c.good && (err != nil || !cmp.Equal(got, goodClaims())) {
			t.Errorf("%s: refused: %v\n%s", name, err, cmp.Diff(goodClaims(), got))
		}
		if !c.good && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(map[string]any)) []byte {
		var claims map[string]any
		decoder := json.NewDecoder(bytes.NewReader(good))
		decoder.UseNumber()
		if err := decoder.Decode(&claims); err != nil {
			t.Fatal(err)
		}
		change(claims)
		data, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	bad := map[string][]byte{}
	for _, name := range []string{"iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "sid", "ev"} {
		bad["without "+name] = changed(func(c map[string]any) { delete(c, name) })
	}
	for name := range claimFields {
		bad[name+" null"] = changed(func(c map[string]any) { c[name] = nil })
		bad[name+" a truth"] = changed(func(c map[string]any) { c[name] = true })
	}
	for name, grace := range map[string]string{
		"a word":         `"soon"`,
		"half":           `{"until":1700086400}`,
		"more":           `{"until":1700086400,"reason":"payment_failed","since":1}`,
		"twice":          `{"until":1700086400,"reason":"a","reason":"b"}`,
		"until in words": `{"until":"tomorrow","reason":"payment_failed"}`,
	} {
		bad["grace "+name] = changed(func(c map[string]any) { c["grace"] = json.RawMessage(grace) })
	}
	for name, number := range map[string]string{"fraction": "1.5", "exponent": "1e9", "huge": "9223372036854775808"} {
		bad["exp "+name] = changed(func(c map[string]any) { c["exp"] = json.RawMessage(number) })
	}
	for name, data := range bad {
		if _, err := parseClaims(data); err == nil {
			t.Errorf("%s: accepted %s", name, data)
		}
	}
	if _, err := parseClaims(changed(func(c map[string]any) { c["new"] = true })); err != nil {
		t.Errorf("a claim that we don't know: %v", err)
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	t.Parallel()
	if alg, kid, err := parseHeader(encode([]byte(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`)), TokenType); alg != "ES256" || kid != "k" || err != nil {
		t.Errorf("a good one: %q, %q, %v", alg, kid, err)
	}
	for _, header := range []string{
		`{}`, `[]`, `null`,
		`{"kid":"k","typ":"at+jwt"}`,
		`{"alg":"ES256","typ":"at+jwt"}`,
		`{"alg":"ES256","kid":"k"}`,
		`{"alg":"ES256","kid":"","typ":"at+jwt"}`,
		`{"alg":"ES256","kid":1,"typ":"at+jwt"}`,
		`{"alg":"ES256","kid":"k","typ":"AT+JWT"}`,
		`{"alg":"ES256","kid":"k","typ":"application/at+jwt"}`,
		`{"alg":"ES256","kid":"k","typ":"at+jwt","kid":"l"}`,
		`{"alg":"ES256","kid":"k","typ":"at+jwt","KID":"l"}`,
		`{"alg":"ES256","kid":"k","typ":"at+jwt","jku":"https://evil.example"}`,
	} {
		if _, _, err := parseHeader(encode([]byte(header)), TokenType); err == nil {
			t.Errorf("accepted %s", header)
		}
	}
}
