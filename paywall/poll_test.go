package paywall_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func verdict(v *paywall.Verifier, token string) error {
	_, err := v.Verify(token)
	return err
}

func ofSession(sid string) paywalltest.Option {
	return func(c *paywall.Claims) { c.SessionID = sid }
}

func ofSubject(sub string) paywalltest.Option {
	return func(c *paywall.Claims) { c.Subject = sub }
}

// A token that was believed a moment ago, and is remembered, is dead within
// one poll; so is one that was never seen. Others live on.
func TestRevokedTokensEndWithinOnePoll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
		seen, unseen := issuer.Token(), issuer.Token()
		laptop, other := issuer.Token(ofSession("ses_laptop")), issuer.Token(ofSubject("mem_other"))
		for _, token := range []string{seen, laptop, other} {
			if err := verdict(v, token); err != nil {
				t.Fatal(err)
			}
		}
		issuer.RevokeSession("ses_laptop")
		pass(5 * time.Second)
		if err := verdict(v, laptop); !errors.Is(err, paywall.ErrRevoked) {
			t.Errorf("of a session that has ended: %v", err)
		}
		if err := verdict(v, seen); err != nil {
			t.Errorf("of the member's other session: %v", err)
		}
		issuer.Revoke("mem_test")
		pass(5 * time.Second)
		for name, token := range map[string]string{"seen": seen, "unseen": unseen} {
			if err := verdict(v, token); !errors.Is(err, paywall.ErrRevoked) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, token := range map[string]string{"the member's next": issuer.Token(), "somebody else's": other} {
			if err := verdict(v, token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestNothingBringsARevokedTokenBack(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]paywalltest.Fault{
		"down": paywalltest.Down, "wiped": paywalltest.WipedFeed,
		"forged": paywalltest.ForgedFeed, "expired": paywalltest.ExpiredFeed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
				dead := issuer.Token()
				issuer.Revoke("mem_test")
				pass(5 * time.Second)
				issuer.Break(fault)
				issuer.RevokeSession("ses_more") // so that the ETag changes
				pass(time.Hour)
				if err := verdict(v, dead); !errors.Is(err, paywall.ErrRevoked) {
					t.Errorf("after an hour: %v", err)
				}
				if err := verdict(v, issuer.Token()); err != nil {
					t.Errorf("a good one meanwhile: %v", err)
				}
				w.set(func(w *wire) {
					if n := strings.Count(w.log.String(), "revocations not refreshed"); n != 1 {
						t.Errorf("the log tells it %d times", n)
					}
				})
				issuer.Break(paywalltest.Healthy)
				session := issuer.Token(ofSession("ses_late"))
				issuer.RevokeSession("ses_late")
				pass(5 * time.Second)
				if err := verdict(v, session); !errors.Is(err, paywall.ErrRevoked) {
					t.Errorf("called back after the issuer was mended: %v", err)
				}
			})
		})
	}
}

// Feeds that a replica or somebody in between could show instead of the
// newest: each is refused, and what it says or leaves out changes nothing.
func TestOtherFeedsAreRefused(t *testing.T) {
	t.Parallel()
	stranger := paywalltest.NewIssuer(t)
	stranger.Revoke("mem_test")
	for name, document := range map[string]func(*paywalltest.Issuer) string{
		"older":             func(i *paywalltest.Issuer) string { d := i.Feed(); i.RevokeSession("ses_more"); return d },
		"another issuer's":  func(*paywalltest.Issuer) string { return stranger.Feed() },
		"a token":           func(i *paywalltest.Issuer) string { return i.Token() },
		"nothing":           func(*paywalltest.Issuer) string { return "" },
		"a page":            func(*paywalltest.Issuer) string { return "<!doctype html>" },
		"with a line break": func(i *paywalltest.Issuer) string { return i.Feed() + "\n" },
		"too long":          func(*paywalltest.Issuer) string { return strings.Repeat("x", paywall.MaxFeedBytes+1) },
		"in the future": func(i *paywalltest.Issuer) string {
			i.Advance(time.Hour)
			defer i.Advance(-time.Hour)
			return i.Feed()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
				shown := document(issuer)
				issuer.RevokeSession("ses_dead")
				pass(5 * time.Second)
				w.set(func(w *wire) {
					w.replay = func(a http.ResponseWriter) bool { _, _ = a.Write([]byte(shown)); return true }
				})
				pass(time.Minute)
				w.set(func(w *wire) {
					if !strings.Contains(w.log.String(), "revocations not refreshed") {
						t.Error("it was taken")
					}
				})
				if err := verdict(v, issuer.Token()); err != nil {
					t.Errorf("a good token: %v", err)
				}
				if err := verdict(v, issuer.Token(ofSession("ses_dead"))); !errors.Is(err, paywall.ErrRevoked) {
					t.Errorf("a dead token: %v", err)
				}
			})
		})
	}
}

// A feed that no longer names the dead brings them back no sooner than the
// longest token of their time has ended; then they are forgotten.
func TestTheDeadAreRememberedForATokensLife(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
		long := func(c *paywall.Claims) { c.Expires = c.IssuedAt + 7200 }
		member, session := issuer.Token(long), issuer.Token(long, ofSession("ses_1"))
		issuer.Revoke("mem_test")
		issuer.RevokeSession("ses_1")
		pass(5 * time.Second)
		issuer.Break(paywalltest.LossyFeed)
		issuer.Advance(7200 * time.Second)
		pass(5 * time.Second)
		for name, token := range map[string]string{"member": member, "session": session} {
			if err := verdict(v, token); !errors.Is(err, paywall.ErrRevoked) {
				t.Errorf("%s: %v", name, err)
			}
		}
		issuer.Advance(2 * time.Minute)
		pass(5 * time.Second)
		if s := v.Stats(); s.RevokedSubjects != 0 || s.RevokedSessions != 0 || s.FeedRefused != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A feed that is not believed is an answer all the same: readers can be renewed.
func TestRefusedFeedDoesNotStopRenewal(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
		issuer.RevokeSession("ses_more")
		issuer.Break(paywalltest.ForgedFeed)
		pass(5 * time.Second)
		if w := newBrowser(v, issuer.Token(paywalltest.Expired())).goTo(); w.Code != 303 || v.Stats().FeedRefused == 0 {
			t.Errorf("%d, %+v", w.Code, v.Stats())
		}
	})
}

// A feed's keys may rotate like those of tokens.
func TestFeedOfAnUnknownKeyAsksForKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		token := issuer.Token()
		issuer.RotateEdDSA()
		w.set(func(w *wire) { w.body = issuer.JWKS() })
		issuer.Revoke("mem_test")
		pass(10 * time.Second)
		if err := verdict(v, token); !errors.Is(err, paywall.ErrRevoked) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPollsAreConditionalAndJittered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, _ *paywall.Verifier) {
		before := 0
		pass(100 * time.Second)
		w.set(func(w *wire) {
			before = len(w.asks)
			if n := len(w.asks); n < 20 || n > 28 {
				t.Errorf("%d polls in 100 s", n)
			}
			if w.asks[0] != "" || w.asks[1] == "" || w.asks[len(w.asks)-1] == "" {
				t.Errorf("If-None-Match: %q", w.asks)
			}
			gaps := map[time.Duration]bool{}
			for i := range w.asked[1:] {
				gap := w.asked[i+1].Sub(w.asked[i])
				gaps[gap] = true
				if gap > 5*time.Second || gap < 3750*time.Millisecond {
					t.Errorf("%v between two polls", gap)
				}
			}
			if len(gaps) < 10 {
				t.Errorf("the polls keep step: %v", gaps)
			}
		})
		issuer.Advance(2 * time.Minute) // the feed that we hold has expired
		pass(5 * time.Second)
		w.set(func(w *wire) {
			if next := w.asks[before]; next != "" {
				t.Errorf("content with an old signature: %q", next)
			}
		})
	})
}

// Somebody in between who says "unchanged" for ever is not believed for longer
// than a signature lives.
func TestUnchangedIsBelievedForAMinute(t *testing.T) {
	t.Parallel()
	closing := func(c *paywall.Config) { c.FailClosedAfter = 30 * time.Second }
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		w.set(func(w *wire) {
			w.replay = func(a http.ResponseWriter) bool { a.WriteHeader(http.StatusNotModified); return true }
		})
		pass(time.Minute)
		if err := verdict(v, issuer.Token()); err != nil {
			t.Errorf("unchanged, within the signature's life: %v", err)
		}
		issuer.Advance(70 * time.Second)
		pass(36 * time.Second)
		if err := verdict(v, issuer.Token()); !errors.Is(err, paywall.ErrUnavailable) {
			t.Errorf("after it: %v", err)
		}
	}, closing)
}

func TestFailOpenAndFailClosed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		want  error
	}{"open": {0, nil}, "closed": {time.Minute, paywall.ErrUnavailable}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
				token, expired := issuer.Token(), issuer.Token(paywalltest.Expired())
				issuer.Break(paywalltest.FeedDown)
				pass(54 * time.Second)
				if err := verdict(v, token); err != nil {
					t.Errorf("before a minute: %v", err)
				}
				pass(7 * time.Second)
				if err := verdict(v, token); !errors.Is(err, c.want) {
					t.Errorf("after a minute: %v", err)
				}
				if err := v.Ready(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("ready: %v", err)
				}
				if err := verdict(v, expired); !errors.Is(err, paywall.ErrExpired) {
					t.Errorf("an expired one: %v", err)
				}
				issuer.Break(paywalltest.Healthy)
				pass(5 * time.Second)
				if err := verdict(v, token); err != nil {
					t.Errorf("after the feed came back: %v", err)
				}
			}, func(config *paywall.Config) { config.FailClosedAfter = c.after })
		})
	}
}

func TestClosingDuringAPollIsNoFault(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, _ *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		w.set(func(w *wire) { w.mute = true })
		pass(6 * time.Second)
		v.Close()
		if log := w.log.String(); strings.Contains(log, "WARN") {
			t.Errorf("the log says: %s", log)
		}
	})
}

func TestRevocationsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		issuer.Revoke("mem_test")
		pass(time.Hour)
		w.set(func(w *wire) {
			if len(w.asks) != 0 {
				t.Errorf("%d polls", len(w.asks))
			}
		})
	}, func(c *paywall.Config) { c.Revocations = -1 })
}

// A revoked token's session may be alive: the plan changed, not the reader.
func TestRevokedCookieBouncesLikeAnExpiredOne(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
		b := newBrowser(v, issuer.Token(paywalltest.Entitlements("articles:full")))
		issuer.Revoke("mem_test")
		pass(5 * time.Second)
		if w := b.goTo(); w.Code != 303 {
			t.Errorf("revoked: %d", w.Code)
		}
		if w := b.goTo(); w.Code != 200 || w.Body.String() != "anonymous false " {
			t.Errorf("a renewal that brought nothing: %d %q", w.Code, w.Body)
		}
		w := ask(v.Require()(says), withBearer(b.jar[paywall.CookieName]))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Bearer error="invalid_token", error_description="the token has been revoked"` {
			t.Errorf("%d %s", w.Code, got)
		}
	})
}

func TestNoBounceWhileTheFeedIsUnreachable(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, _ *wire, v *paywall.Verifier) {
		b := newBrowser(v, issuer.Token(paywalltest.Expired()))
		issuer.Break(paywalltest.Down)
		pass(6 * time.Second)
		if w := b.goTo(); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "unavailable") {
			t.Errorf("away: %d %q", w.Code, w.Body)
		}
		issuer.Break(paywalltest.Healthy)
		pass(5 * time.Second)
		if w := b.goTo(); w.Code != 303 {
			t.Errorf("back: %d", w.Code)
		}
	})
}
