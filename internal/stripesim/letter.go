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

// letter writes the request that carries an event to an endpoint, signed now.
// The signature's scheme: https://docs.stripe.com/webhooks#verify-manually
func (s *Sim) letter(event, endpoint object) (*http.Request, error) {
	shown := s.shown(event)
	if v := str(endpoint, "api_version"); v != "" {
		shown["api_version"] = v
	}
	body := encode(shown)
	req, err := http.NewRequestWithContext(s.courier.ctx, http.MethodPost, str(endpoint, "url"), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address event %s: %w", str(event, "id"), err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", signature(s.unix(), body, str(endpoint, "_secret")))
	return req, nil
}

// signature answers t=…,v1=…, the HMAC-SHA256 of "t.body" under the secret.
func signature(t int64, body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.", t)
	mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", t, hex.EncodeToString(mac.Sum(nil)))
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
