package stripesim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
)

// letter is an event as one endpoint gets it, and how it is signed.
type letter struct {
	event   object
	secrets []string
	signed  int64 // Unix seconds
	harm    Mishap
}

// letter writes an event for an endpoint, to be signed now.
func (s *Sim) letter(event, endpoint object) *letter {
	shown := s.shown(event)
	if v := str(endpoint, "api_version"); v != "" {
		shown["api_version"] = v
	}
	return &letter{event: shown, secrets: s.secretsOf(endpoint), signed: s.unix()}
}

// request is the letter in its envelope.
func (s *Sim) request(l *letter, endpoint object) (*http.Request, error) {
	body := l.body()
	req, err := http.NewRequestWithContext(s.courier.ctx, http.MethodPost, str(endpoint, "url"), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address event %s: %w", str(l.event, "id"), err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	if l.harm != NoSignature {
		req.Header.Set("Stripe-Signature", signature(l.signed, body, l.secrets))
	}
	return req, nil
}

func (l *letter) body() []byte {
	body := encode(l.event)
	if l.harm == MalformedBody {
		return body[:len(body)/2]
	}
	return body
}

// mangle makes a letter as wrong as the mishap says; the empty one changes
// nothing. A changed body is well signed: it is Stripe's own fault.
func (l *letter) mangle(harm Mishap) {
	l.harm = harm
	switch harm {
	case WrongSignature:
		l.secrets = []string{"whsec_of_somebody_else"}
	case OldSignature:
		l.signed -= 10 * 60
	case FutureSignature:
		l.signed += 10 * 60
	case OtherVersion:
		l.event["api_version"] = "2025-03-31.basil"
	case LivemodeFlipped:
		l.event["livemode"] = true
	}
}

// signature answers t=…,v1=…, the HMAC-SHA256 of "t.body", with one v1 for each
// secret: two while a secret is being rolled.
// https://docs.stripe.com/webhooks#verify-manually
func signature(t int64, body []byte, secrets []string) string {
	out := fmt.Sprintf("t=%d", t)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.", t)
		mac.Write(body)
		out += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return out
}

// send carries one letter. It answers the status, or 0 and what went wrong.
func (c *courier) send(req *http.Request) (int, string) {
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // only so that the connection can serve again
	return resp.StatusCode, ""
}
