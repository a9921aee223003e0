package paywalltest

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"newsroom.example/membership/paywall"
)

// Fault is a way in which what an issuer publishes can be wrong.
type Fault int

// The faults. Healthy mends them all.
const (
	Healthy     Fault = iota
	Down              // 503 for everything
	EmptyJWKS         // a well-formed document without keys
	BrokenJWKS        // half a document
	FeedDown          // 503 for the feed alone
	WipedFeed         // a feed that has forgotten everything, its count too
	LossyFeed         // a feed that has forgotten everything but its count
	ForgedFeed        // a feed signed by nobody that is published
	ExpiredFeed       // a feed from two minutes ago
)

// Break makes the issuer publish in a wrong way from now on.
func (i *Issuer) Break(f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = f
}

// Revoke calls back the tokens that the member has so far, as a dispute would.
// Those that Token makes from now on are good.
func (i *Issuer) Revoke(subject string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.version++
	i.sequence++
	i.subjects[subject] = i.version
}

// RevokeSession calls back the tokens of a session (sid), as signing out would.
func (i *Issuer) RevokeSession(session string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sequence++
	i.sessions = slices.Sorted(slices.Values(append(i.sessions, session)))
}

// ServeHTTP answers for the issuer's keys and its revocation feed.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	fault := i.fault
	i.mu.Unlock()
	switch {
	case fault == Down || fault == FeedDown && r.URL.Path == feedPath:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/.well-known/jwks.json":
		i.serveKeys(w, fault)
	case r.URL.Path == feedPath:
		i.serveFeed(w, r, fault)
	default:
		http.NotFound(w, r)
	}
}

const feedPath = "/.well-known/revocations"

func (i *Issuer) serveKeys(w http.ResponseWriter, fault Fault) {
	document := i.JWKS()
	switch fault {
	case EmptyJWKS:
		document = []byte(`{"keys":[]}`)
	case BrokenJWKS:
		document = document[:len(document)/2]
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(document)
}

// JWKS is the document of keys that a healthy issuer publishes.
func (i *Issuer) JWKS() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set paywall.JWKS
	for _, k := range i.keys {
		set.Keys = append(set.Keys, k.public)
	}
	return must(json.Marshal(set))
}

// serveFeed answers with an ETag over what the feed says, whenever it was
// signed.
func (i *Issuer) serveFeed(w http.ResponseWriter, r *http.Request, fault Fault) {
	signer, feed := i.signer(), i.feed()
	switch fault {
	case WipedFeed:
		feed.Sequence, feed.Subjects, feed.Sessions = 0, nil, nil
	case LossyFeed:
		feed.Subjects, feed.Sessions = nil, nil
	case ForgedFeed:
		forger := newIssuer(i.Now()).signer()
		signer.private = forger.private
	case ExpiredFeed:
		feed.IssuedAt, feed.Expires = feed.IssuedAt-120, feed.Expires-120
	}
	said := feed
	said.IssuedAt, said.Expires = 0, 0
	sum := sha256.Sum256(must(json.Marshal(said)))
	w.Header().Set("Content-Type", "application/jwt")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+encode(sum[:12])+`"`)
	if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write([]byte(signer.sign(signer.header(paywall.FeedType), must(json.Marshal(feed)))))
}

// Feed is the revocation feed that a healthy issuer publishes, signed.
func (i *Issuer) Feed() string {
	k := i.signer()
	return k.sign(k.header(paywall.FeedType), must(json.Marshal(i.feed())))
}

func (i *Issuer) feed() paywall.Feed {
	i.mu.Lock()
	defer i.mu.Unlock()
	return paywall.Feed{
		Issuer:   i.url,
		IssuedAt: i.now.Unix(),
		Expires:  i.now.Add(time.Minute).Unix(),
		Sequence: i.sequence,
		Subjects: maps.Clone(i.subjects),
		Sessions: slices.Clone(i.sessions),
	}
}
