package auth

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// wish asks for another address, and returns the row of it.
func (b bench) wish(t *testing.T, in SignedIn, email string) models.AddressChange {
	t.Helper()
	if err := b.RequestAddress(t.Context(), Visitor{in.Member, in.Session}, NewAddress{Email: email}); err != nil {
		t.Fatal(err)
	}
	c, err := gorm.G[models.AddressChange](b.db.DB).Where("member_id = ?", in.Member.ID).Order("id DESC").Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A wish that is never mailed has its codes refused like any other.
func TestAWishThatIsNeverMailedAnswersAlike(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.PerAddress = 1
	b := setupWith(t, cfg)
	var answers []map[string]int
	var limited []bool
	for _, email := range []string{"ada@example.org", "eve@example.org"} {
		in := b.signIn(t, email)
		limited = append(limited, b.wish(t, in, "new@example.org").Limited)
		var errs []error
		for range maxTries + 1 {
			_, err := b.ConfirmAddressCode(t.Context(), Visitor{in.Member, in.Session}, "wrong", "")
			errs = append(errs, err)
		}
		answers = append(answers, tally(errs))
	}
	if diff := cmp.Diff([]bool{false, true}, limited); diff != "" {
		t.Error(diff)
	}
	want := map[string]int{"signin.code_wrong": 5, "address.over": 1}
	if diff := cmp.Diff([]map[string]int{want, want}, answers); diff != "" {
		t.Error(diff)
	}
}

// Nor does it push out one that was mailed; and its own code, which nobody was sent, is
// not good.
func TestAWishThatIsNeverMailedChangesNothing(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.PerAddress = 1
	b := setupWith(t, cfg)
	in := b.signIn(t, "ada@example.org")
	v := Visitor{in.Member, in.Session}
	mailed, limited := b.wish(t, in, "new@example.org"), b.wish(t, in, "newer@example.org")
	if mailed.Limited || !limited.Limited {
		t.Fatalf("limited: %v and %v", mailed.Limited, limited.Limited)
	}
	_, err := b.ConfirmAddressCode(t.Context(), v, b.pepper.addressCode(limited), "")
	wantCode(t, err, "signin.code_wrong")
	for _, step := range []AddressStep{AddressNew, AddressOld} {
		_, err := b.FollowAddressLink(t.Context(), encodeToken(limited.ID, b.pepper.address(limited, step)))
		wantCode(t, err, "address.over")
	}
	if link, err := b.ConfirmAddressCode(t.Context(), v, b.pepper.addressCode(mailed), ""); err != nil || link.New != "new@example.org" {
		t.Errorf("%+v, %v", link, err)
	}
}

// Mails about a change sign nobody in: asked for again and again, they must not use up
// what an address may be sent to sign in with.
func TestChangesOfAnAddressKeepNobodyOut(t *testing.T) {
	t.Parallel()
	b, services := strict(t)
	eve := b.signIn(t, "eve@example.org")
	mailed := 0
	for range 10 {
		if !b.wish(t, eve, "ada@example.org").Limited {
			mailed++
		}
	}
	if mailed != 3 {
		t.Errorf("%d mails about a change to one address, want 3", mailed)
	}
	if got := mailable(t, b, services, 6, func(int) SignIn { return SignIn{Email: "ada@example.org", IP: "198.51.100.1"} }); got != 3 {
		t.Errorf("ada is sent %d mails to sign in with, want 3", got)
	}
}

// Whichever comes first, who allows a change and takes it back has not changed anything.
func TestTakingBackWinsAgainstAllowing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	for range 8 {
		c := b.wish(t, in, "new@example.org")
		link := func(step AddressStep) string { return encodeToken(c.ID, b.pepper.address(c, step)) }
		if _, err := b.FollowAddressLink(t.Context(), link(AddressNew)); err != nil {
			t.Fatal(err)
		}
		errs := atOnce(2, func(i int) error {
			_, err := b.FollowAddressLink(t.Context(), link([]AddressStep{AddressOld, AddressUndo}[i]))
			return err
		})
		if errs[1] != nil {
			t.Errorf("taking back: %v", errs[1])
		}
		if m, err := gorm.G[models.Member](b.db.DB).Take(t.Context()); err != nil || m.Address() != "ada@example.org" {
			t.Errorf("the address is %s, %v", m.Address(), err)
		}
		_, err := b.Session(t.Context(), in.Refresh)
		wantCode(t, err, "session.ended")
		b.clock.Advance(time.Hour)
		in = b.signIn(t, "ada@example.org")
	}
}
