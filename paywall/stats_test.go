package paywall_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func TestStats(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		began := time.Now()
		token := issuer.Token()
		for _, tried := range []string{token, token, issuer.Token(paywalltest.Expired()), "", ".", "..", token} {
			_, _ = v.Verify(tried)
		}
		want := paywall.Stats{
			Accepted: 3, Invalid: 3, Expired: 1, Remembered: 2,
			Keys: 1, KeysFetched: began, FeedHeard: began,
		}
		if diff := cmp.Diff(want, v.Stats()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		issuer.Revoke("mem_test")
		issuer.RevokeSession("ses_1")
		issuer.RevokeSession("ses_2")
		pass(5 * time.Second)
		_, _ = v.Verify(token)
		heard := v.Stats().FeedHeard
		issuer.Break(paywalltest.WipedFeed)
		pass(5 * time.Second)
		w.set(func(w *wire) { w.broken = true })
		pass(6 * time.Minute)
		want.Revoked, want.KeysFailing, want.FeedFailing = 1, true, true
		want.FeedSequence, want.RevokedSubjects, want.RevokedSessions = 3, 1, 2
		want.FeedHeard, want.FeedRefused = heard, 1
		if got := v.Stats(); heard.Equal(began) || !cmp.Equal(want, got) {
			t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}

func TestStatsOfTheUnavailable(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	issuer.Break(paywalltest.Down)
	v, err := paywall.New(paywall.Config{Issuer: issuer.URL(), Audience: paywalltest.Audience, Logger: new(lines).logger()})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = v.Verify(issuer.Token())
	v.Close()
	want := paywall.Stats{Unavailable: 1}
	got := v.Stats()
	got.KeysFailing = false // whether the first fetch was over by now
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
