package handlers_test

import (
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestItWasNotMe(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(m moving){
		"before anything": func(moving) {},
		"after the new one, the next day": func(m moving) {
			m.follow(m.confirm).to("/address?now=waiting")
			m.advance(24 * time.Hour)
		},
		"when it is done, in a week": func(m moving) {
			m.follow(m.confirm)
			m.follow(m.allow).to("/address?now=done")
			m.advance(7*24*time.Hour - time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := move(t)
			before(m)
			m.follow(m.undo).to("/address?now=undone")
			for _, b := range []*browser{m.desk, m.phone} {
				b.get("/account").to("/signin")
			}
			m.elsewhere.signIn("old@example.org")
			m.elsewhere.get("/account").want(200, "old@example.org")
			wantEqual(t, "members", m.count("members"), 1)
			m.elsewhere.get(m.undo).want(410)
			m.elsewhere.get(m.confirm).want(410)
			m.elsewhere.post(m.allow).want(410)
		})
	}
}

// However a thief, or an owner who does not know yet, goes on after the change: the old
// mailbox takes back its own account, and nobody stays signed in.
func TestTheOldAddressTakesBackWhateverCameAfter(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(m moving) *browser{
		"another change": func(m moving) *browser {
			m.advance(time.Minute)
			m.desk.submit(m.desk.get("/account/address").want(200, "new@"), "/account/address", "email", "third@example.org")
			m.follow(addressLinks.FindStringSubmatch(m.letterTo("third@example.org").Text)[1])
			links := addressLinks.FindAllStringSubmatch(m.letterTo("new@example.org").Text, -1)
			m.follow(links[0][1]).to("/address?now=done")
			m.t.Cleanup(func() { m.elsewhere.get(links[1][1]).want(410) })
			return m.desk
		},
		"a sign-in with the old address": func(m moving) *browser { return m.deviceOf(iPhone, "old@example.org") },
		"a purchase under it": func(m moving) *browser {
			b := m.browser()
			b.get(b.pay(b.checkoutURL(""), simtest.Pays, "old@example.org")).cookie("__Host-session")
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := move(t)
			reader := memberID.FindString(m.desk.get("/v1/me").Body)
			m.follow(m.confirm)
			m.follow(m.allow).to("/address?now=done")
			other := after(m)
			m.follow(m.undo).to("/address?now=undone")
			for _, b := range []*browser{m.desk, other} {
				b.get("/v1/me").want(401)
			}
			owner := m.browser()
			owner.signIn("old@example.org")
			wantEqual(t, "member", memberID.FindString(owner.get("/v1/me").want(200).Body), reader)
			wantEqual(t, "members of the old address", m.count("members WHERE email = 'old@example.org'"), 1)
			m.elsewhere.get(m.undo).want(410)
		})
	}
}
