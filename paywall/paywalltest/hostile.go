package paywalltest

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"newsroom.example/membership/paywall"
)

// RunHostile hands the verifier one good token and many hostile ones, nearly
// all with a valid signature, each as a subtest. verify must return nil for
// the good one only. It must trust this issuer, for Audience, by the issuer's
// clock or the real one.
func (i *Issuer) RunHostile(t *testing.T, verify func(token string) error) {
	t.Helper()
	for _, row := range i.hostile() {
		t.Run(row.name, func(t *testing.T) {
			err := verify(row.token)
			switch {
			case row.good && err != nil:
				t.Errorf("the legitimate token was refused: %v", err)
			case !row.good && err == nil:
				t.Error("a hostile token was accepted")
			default:
				t.Logf("verdict: %v", err)
			}
		})
	}
}

type row struct {
	name, token string
	good        bool
}

// object is a JSON object in the making.
type object map[string]any

// with returns a copy with one member set.
func (o object) with(name string, value any) object {
	c := maps.Clone(o)
	c[name] = value
	return c
}

func (o object) without(name string) object {
	c := maps.Clone(o)
	delete(c, name)
	return c
}

func (o object) json() []byte { return must(json.Marshal(o)) }

func parse(data []byte) (o object) {
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(&o); err != nil {
		panic(err)
	}
	return o
}

func (i *Issuer) hostile() []row {
	claims := i.claims()
	claims.Entitlements = []string{"articles:full", "sources:links"}
	header, payload := parse(i.signer().header(paywall.TokenType)), parse(must(json.Marshal(claims)))
	good := i.signer().sign(header.json(), payload.json())
	rows := []row{{name: "legitimate", token: good, good: true}}
	rows = append(rows, i.hostileTimes(claims, header, payload)...)
	rows = append(rows, i.hostileClaims(header, payload)...)
	rows = append(rows, i.hostileHeaders(header, payload)...)
	return append(rows, i.hostileShapes(good, header, payload)...)
}

func (i *Issuer) hostileTimes(c paywall.Claims, header, payload object) []row {
	sign := func(o object) string { return i.signer().sign(header.json(), o.json()) }
	hour := int64(3600)
	past := payload.with("iat", c.IssuedAt-hour).with("nbf", c.IssuedAt-hour)
	return []row{
		{name: "no exp", token: sign(payload.without("exp"))},
		{name: "exp 0", token: sign(payload.with("exp", 0))},
		{name: "exp as a string", token: sign(payload.with("exp", "253402300799"))},
		{name: "exp in year 9999", token: sign(payload.with("exp", 253402300799))},
		{name: "expired", token: sign(past.with("exp", c.IssuedAt-hour/2))},
		{name: "nbf in the future", token: sign(payload.with("nbf", c.IssuedAt+hour/12))},
		{name: "iat in the future", token: sign(payload.with("iat", c.IssuedAt+hour/12))},
	}
}

func (i *Issuer) hostileClaims(header, payload object) []row {
	sign := func(o object) string { return i.signer().sign(header.json(), o.json()) }
	// A map cannot hold a name twice, so these two are spliced.
	splice := func(text string) string {
		return i.signer().sign(header.json(), append([]byte("{"+text+","), payload.json()[1:]...))
	}
	return []row{
		{name: "other iss", token: sign(payload.with("iss", "https://members.evil.example"))},
		{name: "missing iss", token: sign(payload.without("iss"))},
		{name: "other aud", token: sign(payload.with("aud", "https://www.evil.example"))},
		{name: "missing aud", token: sign(payload.without("aud"))},
		{name: "missing sub", token: sign(payload.without("sub"))},
		{name: "sub null", token: sign(payload.with("sub", nil))},
		{name: "duplicate claims", token: splice(`"sub":"mem_victim"`)},
		{name: "case-variant claims", token: splice(`"SUB":"mem_victim"`)},
		{name: "entitlements as a string", token: sign(payload.with("entitlements", "articles:full"))},
		{name: "payload not an object", token: i.signer().sign(header.json(), []byte(`["articles:full"]`))},
	}
}

func (i *Issuer) hostileHeaders(header, payload object) []row {
	sign := func(o object) string { return i.signer().sign(o.json(), payload.json()) }
	jwk := i.signer().public
	return []row{
		{name: "typ JWT", token: sign(header.with("typ", "JWT"))},
		{name: "missing typ", token: sign(header.without("typ"))},
		{name: "unknown crit", token: sign(header.with("crit", []string{"eyes-only"}))},
		{name: "missing kid", token: sign(header.without("kid"))},
		{name: "unknown kid", token: sign(header.with("kid", "nobody"))},
		{name: "embedded jwk", token: sign(header.with("jwk", jwk))},
		{name: "alg of another key", token: sign(header.with("alg", "EdDSA"))},
		{name: "alg none", token: encode(header.with("alg", "none").json()) + "." + encode(payload.json()) + "."},
		{name: "HS256 with the public key", token: i.confused(header, payload)},
	}
}

// confused signs with HMAC, using the published key as the secret: a verifier
// that lets the token choose the algorithm believes it.
func (i *Issuer) confused(header, payload object) string {
	der := must(x509.MarshalPKIXPublicKey(i.signer().private.Public()))
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signed := encode(header.with("alg", "HS256").json()) + "." + encode(payload.json())
	return signed + "." + encode(must(jwt.SigningMethodHS256.Sign(signed, secret)))
}

func (i *Issuer) hostileShapes(good string, header, payload object) []row {
	large := payload.with("padding", strings.Repeat("x", paywall.MaxTokenBytes))
	parts := strings.Split(good, ".")
	other := i.signer().sign(header.json(), payload.with("sub", "mem_victim").json())
	return []row{
		{name: "flipped padding bits in the signature", token: flipPadding(good)},
		{name: "trailing newline", token: good + "\n"},
		{name: "padded signature", token: good + "=="},
		{name: "a fourth part", token: good + ".e30"},
		{name: "no signature", token: parts[0] + "." + parts[1] + "."},
		{name: "another token's signature", token: parts[0] + "." + parts[1] + other[strings.LastIndex(other, "."):]},
		{name: "oversized", token: i.signer().sign(header.json(), large.json())},
		{name: "empty", token: ""},
	}
}

// flipPadding changes a bit of the last character that no byte of the
// signature is made from.
func flipPadding(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}
