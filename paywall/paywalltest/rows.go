package paywalltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"newsroom.example/membership/paywall"
)

func (f forge) times() []row {
	const hour = 3600
	now := f.claims.IssuedAt
	past := f.body.with("iat", now-hour).with("nbf", now-hour)
	return []row{
		{name: "no exp", token: f.saying(f.body.without("exp"))},
		{name: "exp 0", token: f.saying(f.body.with("exp", 0))},
		{name: "exp null", token: f.saying(f.body.with("exp", nil))},
		{name: "exp negative", token: f.saying(f.body.with("exp", -1))},
		{name: "exp as a string", token: f.saying(f.body.with("exp", "253402300799"))},
		{name: "exp beyond 64 bits", token: f.saying(f.body.with("exp", json.Number("18446744073709551616")))},
		{name: "exp in year 9999", token: f.saying(f.body.with("exp", 253402300799))},
		{name: "expired", token: f.saying(past.with("exp", now-hour/2))},
		{name: "expired six seconds ago", token: f.saying(past.with("exp", now-6))},
		{name: "living for three hours", token: f.saying(f.body.with("exp", now+3*hour))},
		{name: "ending before it begins", token: f.saying(past.with("nbf", now).with("exp", now-1)), strict: true},
		{name: "nbf in the future", token: f.saying(f.body.with("nbf", now+hour/12))},
		{name: "iat in the future", token: f.saying(f.body.with("iat", now+hour/12))},
		{name: "no iat", token: f.saying(f.body.without("iat"))},
	}
}

func (f forge) names() []row {
	return []row{
		{name: "other iss", token: f.saying(f.body.with("iss", "https://members.evil.example"))},
		{name: "missing iss", token: f.saying(f.body.without("iss"))},
		{name: "iss with a slash", token: f.saying(f.body.with("iss", f.claims.Issuer+"/"))},
		{name: "iss in capitals", token: f.saying(f.body.with("iss", strings.ToUpper(f.claims.Issuer)))},
		{name: "other aud", token: f.saying(f.body.with("aud", "https://www.evil.example"))},
		{name: "missing aud", token: f.saying(f.body.without("aud"))},
		{name: "aud that begins like ours", token: f.saying(f.body.with("aud", f.claims.Audience+".evil.example"))},
		{name: "aud as a list", token: f.saying(f.body.with("aud", []string{"https://www.evil.example", f.claims.Audience}))},
		{name: "aud is the issuer", token: f.saying(f.body.with("aud", f.claims.Issuer))},
		{name: "missing sub", token: f.saying(f.body.without("sub"))},
		{name: "sub null", token: f.saying(f.body.with("sub", nil))},
		{name: "sub empty", token: f.saying(f.body.with("sub", ""))},
		{name: "sub a number", token: f.saying(f.body.with("sub", 7))},
		{name: "missing sid", token: f.saying(f.body.without("sid"))},
		{name: "missing ev", token: f.saying(f.body.without("ev"))},
		{name: "ev as a string", token: f.saying(f.body.with("ev", "9"))},
	}
}

func (f forge) payloads() []row {
	raw := func(payload string) string { return f.sign(f.head.json(), []byte(payload)) }
	// A map cannot hold a name twice, so these are spliced.
	splice := func(text string) string { return raw("{" + text + "," + string(f.body.json()[1:])) }
	return []row{
		{name: "duplicate claims", token: splice(`"sub":"mem_victim"`), strict: true},
		{name: "duplicate claims, one escaped", token: splice(`"s\u0075b":"mem_victim"`), strict: true},
		{name: "case-variant claims", token: splice(`"SUB":"mem_victim"`), strict: true},
		{name: "entitlements as a string", token: f.saying(f.body.with("entitlements", "articles:full"))},
		{name: "entitlements with a null", token: f.saying(f.body.with("entitlements", []any{"articles:full", nil}))},
		{name: "entitlements as an object", token: f.saying(f.body.with("entitlements", object{"articles:full": true}))},
		{name: "grace for ever", token: f.saying(f.body.with("grace", object{"reason": "kindness"})), strict: true},
		{name: "grace until a word", token: f.saying(f.body.with("grace", object{"reason": "kindness", "until": "later"})), strict: true},
		{name: "payload not an object", token: raw(`["articles:full"]`)},
		{name: "payload twice", token: raw(string(f.body.json()) + string(f.body.json())), strict: true},
		{name: "payload with a byte order mark", token: raw("\ufeff" + string(f.body.json())), strict: true},
		{name: "payload not UTF-8", token: raw(strings.Replace(string(f.body.json()), "mem_", "mem_\xff", 1)), strict: true},
		{name: "no payload", token: raw("")},
	}
}

func (f forge) headers() []row {
	raw := func(header string) string { return f.sign([]byte(header), f.body.json()) }
	return []row{
		{name: "typ JWT", token: f.headed(f.head.with("typ", "JWT"))},
		{name: "missing typ", token: f.headed(f.head.without("typ"))},
		{name: "typ of the revocation feed", token: f.headed(f.head.with("typ", paywall.FeedType))},
		{name: "unknown crit", token: f.headed(f.head.with("crit", []string{"eyes-only"}).with("eyes-only", true))},
		{name: "b64 false", token: f.headed(f.head.with("crit", []string{"b64"}).with("b64", false))},
		{name: "missing kid", token: f.headed(f.head.without("kid")), strict: true},
		{name: "unknown kid", token: f.headed(f.head.with("kid", "nobody"))},
		{name: "kid a path", token: f.headed(f.head.with("kid", "../../../../dev/null"))},
		{name: "kid a query", token: f.headed(f.head.with("kid", "x' UNION SELECT 'key"))},
		{name: "kid a list", token: f.headed(f.head.with("kid", []string{f.public.ID}))},
		{name: "embedded jwk", token: f.headed(f.head.with("jwk", f.public)), strict: true},
		{name: "jku", token: f.headed(f.head.with("jku", "https://evil.example/keys")), strict: true},
		{name: "x5u", token: f.headed(f.head.with("x5u", "https://evil.example/cert")), strict: true},
		{name: "duplicate alg", token: raw(`{"alg":"none",` + string(f.head.json()[1:])), strict: true},
		{name: "header not an object", token: raw(`"ES256"`)},
		{name: "header of a thousand brackets", token: raw(strings.Repeat("[", 1100) + strings.Repeat("]", 1100))},
	}
}

// keys are the rows in which another key signs than the header names, or as
// another kind of key.
func (f forge) keys() []row {
	another := map[string]string{"ES256": "EdDSA", "EdDSA": "ES256"}[f.public.Algorithm]
	none := func(alg string) string {
		return encode(f.head.with("alg", alg).json()) + "." + encode(f.body.json()) + "."
	}
	stranger := newKey(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	brought := f.head.with("alg", "ES256").with("jwk", stranger.public)
	der := must(x509.MarshalPKIXPublicKey(f.private.Public()))
	return []row{
		{name: "alg of another key", token: f.headed(f.head.with("alg", another))},
		{name: "alg in lower case", token: f.headed(f.head.with("alg", strings.ToLower(f.public.Algorithm)))},
		{name: "alg none", token: none("none")},
		{name: "alg nOnE", token: none("nOnE")},
		{name: "alg empty", token: none("")},
		{name: "HS256 with the public key", token: f.confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
		{name: "HS256 with the public key's bytes", token: f.confused(der)},
		{name: "HS256 with the JWK", token: f.confused(must(json.Marshal(f.public)))},
		{name: "a stranger's signature under our kid", token: stranger.sign(f.head.json(), f.body.json())},
		{name: "a stranger's key brought along", token: stranger.sign(brought.json(), f.body.json())},
		{name: "a stranger's key brought along, without kid", token: stranger.sign(brought.without("kid").json(), f.body.json())},
		{name: "a stranger's key, well named", token: stranger.sign(stranger.header(paywall.TokenType), f.body.json())},
	}
}

// confused signs with HMAC, using what is published as the secret: a verifier
// that lets the token choose the algorithm believes it.
func (f forge) confused(secret []byte) string {
	signed := encode(f.head.with("alg", "HS256").json()) + "." + encode(f.body.json())
	return signed + "." + encode(must(jwt.SigningMethodHS256.Sign(signed, secret)))
}

func (f forge) shapes() []row {
	good := f.saying(f.body)
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	large := f.body.with("padding", strings.Repeat("x", paywall.MaxTokenBytes))
	return []row{
		{name: "trailing newline", token: good + "\n", strict: true},
		{name: "leading space", token: " " + good, strict: true},
		{name: "newline in the signature", token: good[:len(good)-9] + "\n" + good[len(good)-9:], strict: true},
		{name: "padded signature", token: good + "==", strict: true},
		{name: "flipped padding bits in the signature", token: flipPadding(good), strict: true},
		{name: "a fourth part", token: good + ".e30"},
		{name: "five parts, as if encrypted", token: head + "..." + body + "." + signature},
		{name: "two parts", token: head + "." + body},
		{name: "JSON serialization", token: `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`},
		{name: "oversized", token: f.saying(large), strict: true},
		{name: "empty", token: ""},
	}
}

func (f forge) signatures() []row {
	good := f.saying(f.body)
	signed, signature := good[:strings.LastIndexByte(good, '.')+1], good[strings.LastIndexByte(good, '.')+1:]
	other := f.saying(f.body.with("sub", "mem_victim"))
	digest := sha256.Sum256([]byte(signed[:len(signed)-1]))
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	if own, ok := f.private.(*ecdsa.PrivateKey); ok {
		p256 = own
	}
	return []row{
		{name: "no signature", token: signed},
		{name: "another token's signature", token: signed + other[strings.LastIndexByte(other, '.')+1:]},
		{name: "another token's claims", token: other[:strings.LastIndexByte(other, '.')+1] + signature},
		{name: "a signature too short", token: signed + encode(make([]byte, 32))},
		{name: "signature of zeros", token: signed + encode(make([]byte, 64))},
		{name: "signature in DER", token: signed + encode(must(ecdsa.SignASN1(rand.Reader, p256, digest[:])))},
	}
}

// flipPadding changes a bit of the last character that no byte of the
// signature is made from.
func flipPadding(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}
