package faults

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// knock posts a body straight to a replica, with a signature header.
func (w *world) knock(ctx context.Context, body io.Reader, signature string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.nodes[0].address+webhookPath, body)
	if err != nil {
		return 0, err
	}
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	answer, err := w.api.Client.Do(req)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// sign makes the header as Stripe does.
// https://docs.stripe.com/webhooks#verify-manually
func sign(body, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// badUTF8 is an event with bytes in it that are no text. It is well signed, so that
// it is kept.
const badUTF8 = "{\"id\":\"evt_\xff\xfe\",\"type\":\"invoice.paid\",\"data\":{\"object\":{}}}"

// nonsense is what no event looks like, well signed all the same.
var nonsense = map[string]string{
	"no JSON":             "not json",
	"half of an event":    `{"id":"evt_half","type":"invoice.paid","data":{"obj`,
	"a NUL in the id":     `{"id":"evt_\u0000","type":"invoice.paid","data":{"object":{"object":"invoice","id":"in_1","customer":"cus_\u0000"}}}`,
	"nested deeply":       strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
	"nested in an event":  `{"id":"evt_deep","type":"invoice.paid","data":` + strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000) + "}",
	"a list":              "[]",
	"nothing":             "",
	"null":                "null",
	"an event without id": `{"type":"invoice.paid","data":{"object":{}}}`,
	"numbers for words":   `{"id":7,"type":8,"data":{"object":9}}`,
}

// malformed sends nonsense: each is refused as the sender's fault, and nothing is
// kept of it.
func malformed(ctx context.Context, w *world) error {
	if _, err := w.readers(ctx, 10); err != nil {
		return err
	}
	for what, body := range nonsense {
		status, err := w.knock(ctx, strings.NewReader(body), sign(body, w.secret, w.clock.Now()))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		w.expect(status >= 400 && status < 500, "%s was answered with %d", what, status)
		w.injected.add("kinds of nonsense", 1)
	}
	status, err := w.knock(ctx, strings.NewReader(badUTF8), sign(badUTF8, w.secret, w.clock.Now()))
	w.expect(status == http.StatusOK, "bad UTF-8 was answered with %d", status)
	w.injected.add("event in bad UTF-8", 1)
	return errors.Join(err, w.delivered(ctx), w.keptBut(ctx, 1))
}

// keptBut looks that the database holds only so many events that Stripe did not make.
func (w *world) keptBut(ctx context.Context, allowed int) error {
	var known []string
	for _, e := range w.sim.Events() {
		known = append(known, e.ID)
	}
	var strange int
	err := w.db.QueryRow(ctx, "SELECT count(*) FROM stripe_events WHERE id <> ALL($1)", known).Scan(&strange)
	w.expect(strange == allowed, "%d events were kept that Stripe never made, want %d", strange, allowed)
	return err
}

// refusedLetters are the harms to a letter for which it must be refused.
var refusedLetters = []stripesim.Mishap{
	stripesim.WrongSignature, stripesim.NoSignature, stripesim.OldSignature, stripesim.FutureSignature, stripesim.MalformedBody,
}

// forged has letters come wrongly signed, unsigned, ten minutes old or early. Each is
// refused, and heard when it comes as it should.
func forged(ctx context.Context, w *world) error {
	var faults []stripesim.Fault
	for _, m := range refusedLetters {
		faults = append(faults, stripesim.Fault{Do: m, Share: 0.12})
	}
	if err := w.sim.Inject(w.seed, faults...); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 20); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.count(refusedLetters...)
	for _, d := range w.sim.Deliveries() {
		w.expect(!slices.Contains(refusedLetters, d.Mishap) || d.Status == http.StatusBadRequest, "a letter with %s was answered with %d", d.Mishap, d.Status)
	}
	return nil
}

// strangeLetters come with another API version or of the other mode: they are taken,
// the first are acted upon, the second kept aside.
func strangeLetters(ctx context.Context, w *world) error {
	err := w.sim.Inject(w.seed,
		stripesim.Fault{Do: stripesim.OtherVersion, Share: 0.4},
		stripesim.Fault{Do: stripesim.LivemodeFlipped, Share: 0.2})
	if err != nil {
		return err
	}
	if _, err := w.readers(ctx, 20); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.count(stripesim.OtherVersion, stripesim.LivemodeFlipped)
	var aside, other int
	err = w.db.QueryRow(ctx, "SELECT count(*) FILTER (WHERE quarantined), count(*) FILTER (WHERE api_version <> $1) FROM stripe_events", stripesim.APIVersion).Scan(&aside, &other)
	struck := w.sim.Injected()
	w.expect(aside == struck[stripesim.LivemodeFlipped], "%d events are kept aside, want %d", aside, struck[stripesim.LivemodeFlipped])
	w.expect(other == struck[stripesim.OtherVersion], "%d events of another version are kept, want %d", other, struck[stripesim.OtherVersion])
	w.checked.add("events kept aside", aside)
	return err
}

// rolled exchanges the signing secret while events come in: Stripe signs with both
// for a day, the replicas are restarted with the new one, and the old one is worth
// nothing afterwards.
func rolled(ctx context.Context, w *world) error {
	old := w.secret
	fresh, err := w.sim.RollSecret(w.endpoint(), 24*time.Hour)
	if err != nil {
		return err
	}
	w.injected.add("secret rolled", 1)
	if _, err := w.readers(ctx, 5); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.secret = fresh
	if err := w.stopNodes(); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 5); err != nil { // heard when there is somebody again
		return err
	}
	if err := errors.Join(w.startNodes(ctx), w.advance(25*time.Hour)); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 5); err != nil {
		return err
	}
	body := `{"id":"evt_old","type":"invoice.paid","data":{"object":{"id":"in_1","object":"invoice"}}}`
	status, err := w.knock(ctx, strings.NewReader(body), sign(body, old, w.clock.Now()))
	w.expect(status == http.StatusBadRequest, "a letter under the old secret was answered with %d", status)
	return errors.Join(err, w.delivered(ctx))
}

// skewed sets the service's clock ten minutes wrong, ahead and behind: every letter
// is refused, none is lost.
func skewed(ctx context.Context, w *world) error {
	for _, by := range []time.Duration{10 * time.Minute, -20 * time.Minute} {
		if err := w.theirs.Advance(by); err != nil {
			return err
		}
		if _, err := w.readers(ctx, 5); err != nil {
			return err
		}
		if err := w.sim.WaitQuiet(ctx); err != nil {
			return err
		}
		taken, refused := w.door.deliveries()
		w.expect(taken == 0 && refused > 0, "with a clock ten minutes wrong %d deliveries were taken, %d refused", taken, refused)
		w.injected.add("times ten minutes wrong", 1)
	}
	return errors.Join(w.theirs.Advance(10*time.Minute), w.delivered(ctx))
}
