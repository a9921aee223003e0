package paywalltest

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

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
			case row.good:
				t.Log("verdict: accepted")
			default:
				t.Logf("verdict: %v", err)
			}
		})
	}
}

type row struct {
	name, token string
	good        bool
	// strict: it lets nobody in by itself, but two readers could read it
	// differently, or it asks for what a careful reader would only ignore.
	strict bool
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

// forge is what hostile tokens are made of: a good header and payload, and
// their key.
type forge struct {
	key
	head, body object
	claims     paywall.Claims
}

// saying signs another payload, and headed another header.
func (f forge) saying(payload object) string { return f.sign(f.head.json(), payload.json()) }
func (f forge) headed(header object) string  { return f.sign(header.json(), f.body.json()) }

func (i *Issuer) hostile() []row {
	claims := i.claims()
	claims.Entitlements = []string{"articles:full", "sources:links"}
	k := i.signer()
	f := forge{key: k, head: parse(k.header(paywall.TokenType)), body: parse(must(json.Marshal(claims))), claims: claims}
	rows := []row{{name: "legitimate", token: f.saying(f.body), good: true}}
	for _, more := range [][]row{f.times(), f.names(), f.payloads(), f.headers(), f.keys(), f.shapes(), f.signatures()} {
		rows = append(rows, more...)
	}
	return append(rows, row{name: "the revocation feed", token: i.Feed()})
}
