package paywalltest

import (
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/paywall"
)

var update = flag.Bool("update", false, "sign testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// vectors is testdata/vectors.json, for those who check tokens in another
// language. docs/verify.md says how.
type vectors struct {
	About       string          `json:"about"`
	Now         int64           `json:"now"`
	Issuer      string          `json:"issuer"`
	Audience    string          `json:"audience"`
	Leeway      int64           `json:"leeway"`
	MaxLifetime int64           `json:"max_lifetime"`
	JWKS        json.RawMessage `json:"jwks"`
	Revocations string          `json:"revocations"`
	Tokens      []vector        `json:"tokens"`
}

type vector struct {
	Name   string `json:"name"`
	Accept bool   `json:"accept"`
	Class  string `json:"class,omitempty"`  // invalid, expired or revoked
	Reason string `json:"reason,omitempty"` // as this module words it
	Strict bool   `json:"strict,omitempty"`
	Token  string `json:"token"`
}

const about = "Access tokens and what to make of them at the instant `now`, with `leeway` and `max_lifetime` in seconds, " +
	"by the keys in `jwks` and the signed revocation feed in `revocations`. " +
	"A token marked `strict` lets nobody in by itself: two readers could read it differently, or it asks for what a careful reader ignores. " +
	"Refuse it if you can; all others that are not to be accepted must be refused."

// TestVectors checks that the file still says what this module does, and that it
// holds every row of the hostile matrix.
func TestVectors(t *testing.T) {
	t.Parallel()
	fresh := makeVectors(t)
	if *update {
		writeVectors(t, fresh)
	}
	file := kept(t)
	if want, got := fresh.outline(), file.outline(); !cmp.Equal(want, got) {
		t.Errorf("the file is not of this matrix; run go test ./paywall/paywalltest -update (-want +got):\n%s", cmp.Diff(want, got))
	}
	accepted := 0
	v := file.verifier(t)
	for _, row := range file.Tokens {
		if got := judge(v, row); got != row {
			t.Errorf("%s: (-file +now)\n%s", row.Name, cmp.Diff(row, got))
		}
		if row.Accept {
			accepted++
		}
	}
	if accepted != 4 || len(file.Tokens) < 80 {
		t.Errorf("%d of %d accepted", accepted, len(file.Tokens))
	}
}

// outline leaves out what differs each time that tokens are signed.
func (v vectors) outline() vectors {
	v.JWKS, v.Revocations, v.Tokens = nil, "", slices.Clone(v.Tokens)
	for n := range v.Tokens {
		v.Tokens[n].Token = ""
	}
	return v
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	i := newIssuer(time.Unix(1_800_000_000, 0))
	i.url = "https://members.example.news"
	rows := i.hostile()
	called := func(name string, options ...Option) { rows = append(rows, row{name: name, token: i.Token(options...)}) }
	disputed := func(c *paywall.Claims) { c.Subject = "mem_disputed" }
	called("called back with all of the member's", disputed)
	called("called back with its session", func(c *paywall.Claims) { c.SessionID = "ses_ended" })
	i.Revoke("mem_disputed")
	i.RevokeSession("ses_ended")
	called("the member's next token", disputed)
	i.RotateEdDSA()
	called("legitimate, of an Ed25519 key")
	k := i.signer()
	renamed := parse(k.header(paywall.TokenType)).with("alg", "Ed25519")
	rows = append(rows, row{name: "legitimate, of an Ed25519 key by its newer name (RFC 9864)", token: k.sign(renamed.json(), must(json.Marshal(i.claims())))})

	made := vectors{
		About: about, Now: i.now.Unix(), Issuer: i.url, Audience: Audience, Leeway: 5, MaxLifetime: 7200,
		JWKS: i.JWKS(), Revocations: i.Feed(),
	}
	v := made.verifier(t)
	for _, r := range rows {
		made.Tokens = append(made.Tokens, judge(v, vector{Name: r.name, Token: r.token, Strict: r.strict}))
	}
	return made
}

// judge fills in what the verifier makes of the token.
func judge(v *paywall.Verifier, row vector) vector {
	_, err := v.Verify(row.Token)
	row.Accept, row.Class, row.Reason = err == nil, "", ""
	for class, is := range map[string]error{
		"invalid": paywall.ErrInvalid, "expired": paywall.ErrExpired, "revoked": paywall.ErrRevoked,
	} {
		if errors.Is(err, is) {
			row.Class, row.Reason = class, err.Error()
		}
	}
	return row
}

// verifier trusts what the vectors hold.
func (v vectors) verifier(t *testing.T) *paywall.Verifier {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(v.JWKS) })
	mux.HandleFunc("/.well-known/revocations", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(v.Revocations)) })
	verifier, err := paywall.New(paywall.Config{
		Issuer: v.Issuer, Audience: v.Audience, Logger: slog.New(slog.DiscardHandler),
		Clock:      func() time.Time { return time.Unix(v.Now, 0) },
		HTTPClient: &http.Client{Transport: transport{mux}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	if err := verifier.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return verifier
}

// transport answers requests by a handler, without a network.
type transport struct{ handler http.Handler }

func (tr transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	tr.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func writeVectors(t *testing.T, v vectors) {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
