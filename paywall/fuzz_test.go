package paywall

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzToken changes a good token in any way. Only the token itself may be
// accepted: what was signed has one spelling.
func FuzzToken(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	k := describe(f, &key.PublicKey)
	set, good := setOf(f, k), sign(f, "ES256", k.ID, jwt.SigningMethodES256, key)
	if _, err := set.check(good); err != nil {
		f.Fatal(err)
	}
	f.Add(0, 0, "")
	f.Add(len(good), 0, "\n")
	f.Add(len(good)-1, 1, "=")
	f.Add(0, strings.IndexByte(good, '.'), "eyJhbGciOiJub25lIn0")
	f.Add(0, len(good), "..")
	f.Fuzz(func(t *testing.T, at, cut int, put string) {
		at = min(max(at, 0), len(good))
		cut = min(max(cut, 0), len(good)-at)
		token := good[:at] + put + good[at+cut:]
		if _, err := set.check(token); (err == nil) != (token == good) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// FuzzClaims reads any payload, as if signed. What is accepted must survive
// being written and read again, so that it meant one thing only.
func FuzzClaims(f *testing.F) {
	good, err := json.Marshal(goodClaims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"sub":"a","sub":"b"}`))
	f.Add([]byte(`{"grace":{"until":1,"reason":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, err := parseClaims(data)
		if err != nil {
			return
		}
		written, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseClaims(written)
		if err != nil || !cmp.Equal(claims, again) {
			t.Errorf("%s: %v\n%s", data, err, cmp.Diff(claims, again))
		}
	})
}

// FuzzObject compares our walk with encoding/json, wherever both agree to
// read.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[{"b":"}"}],"c":-1e9}`, `{"a":"\\\"","b" : null }`, `{"":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := map[string]json.RawMessage{}
		names, err := object(data, func(name, value string) error {
			got[name] = json.RawMessage(value)
			return nil
		})
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil || len(names) != len(want) {
			t.Fatalf("encoding/json: %v, %d names for our %d", err, len(want), len(names))
		}
		if !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
	})
}

// FuzzJWKS reads any document: keys or an error, never both or neither, and
// every key usable.
func FuzzJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"a"},null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseJWKS(data)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for kid, key := range keys {
			if kid == "" || key.public == nil || key.method == nil || strings.HasPrefix(key.method.Alg(), "HS") {
				t.Errorf("key %q: %+v", kid, key)
			}
		}
	})
}

// FuzzHeader reads any header, as it was decoded. What is accepted says these
// three things and nothing else, to whoever reads it.
func FuzzHeader(f *testing.F) {
	f.Add([]byte(`{"alg":"ES256","kid":"a","typ":"at+jwt"}`))
	f.Add([]byte(`{"alg":"none","kid":"","typ":"at+jwt","crit":["b64"]}`))
	f.Add([]byte(`{"alg":"ES256","alg":"HS256","kid":"a","typ":"AT+jwt"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		alg, kid, err := parseHeader(encode(data), TokenType)
		if err != nil {
			return
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if want := map[string]any{"alg": alg, "kid": kid, "typ": TokenType}; !cmp.Equal(want, got) {
			t.Errorf("%s\n%s", data, cmp.Diff(want, got))
		}
	})
}

// FuzzFeed reads any feed, as if signed. What is accepted says to encoding/json
// what it says to us.
func FuzzFeed(f *testing.F) {
	f.Add([]byte(`{"iss":"i","iat":1,"exp":61,"seq":0}`))
	f.Add([]byte(`{"iss":"i","iat":1,"exp":61,"seq":2,"subs":{"a":1,"b":2},"sids":["s","t"]}`))
	f.Add([]byte(`{"iss":"i","iat":1,"exp":61,"seq":2,"subs":{"a":1,"a":0},"sids":[ "\u0073" ,"t"],"Subs":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseFeed(data)
		if err != nil {
			return
		}
		var want Feed
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s: encoding/json: %v", data, err)
		}
		if !cmp.Equal(want, got, cmpopts.EquateEmpty()) {
			t.Errorf("%s\n%s", data, cmp.Diff(want, got))
		}
		now := time.Unix(got.IssuedAt, 0)
		if next := new(revocations).with(got, now, now); len(next.sessions) > len(got.Sessions) || len(next.subjects) > len(got.Subjects) {
			t.Errorf("%s: more is dead than was said", data)
		}
	})
}
