package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

func TestLinkSignsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: " Ada@Example.org ", ReturnTo: "https://www.example.news/a/quay", Locale: "en"})

	in, err := b.RedeemLink(t.Context(), m.token, Client{UserAgent: "Firefox"})
	if err != nil {
		t.Fatal(err)
	}
	if in.Member.Address() != "ada@example.org" || in.Member.EmailVerifiedAt == nil || !in.FirstProof {
		t.Errorf("member %+v, first proof %v", in.Member, in.FirstProof)
	}
	if in.ReturnTo != "https://www.example.news/a/quay" || in.Kind != models.SignInReader {
		t.Errorf("return to %q, kind %q", in.ReturnTo, in.Kind)
	}
	v, err := b.Session(t.Context(), in.Refresh)
	if err != nil || v.Member.ID != in.Member.ID || v.Session.Limited || v.Session.UserAgent != "Firefox" {
		t.Errorf("visitor %+v, %v", v, err)
	}
	_, err = b.RedeemLink(t.Context(), m.token, Client{UserAgent: "Firefox"})
	wantCode(t, err, "signin.link_used")
	_, err = b.RedeemCode(t.Context(), m.cookie, m.code, Client{UserAgent: "Firefox"})
	wantCode(t, err, "signin.code_used")
	_, err = b.Attempt(t.Context(), m.token)
	wantCode(t, err, "signin.link_used")
}

func TestCodeSignsInHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	typed := map[string]func(string) string{
		"as mailed":  func(s string) string { return s },
		"lower case": strings.ToLower,
		"in one":     func(s string) string { return strings.ReplaceAll(s, " ", "") },
		"hyphens":    func(s string) string { return " " + strings.ReplaceAll(s, " ", "-") + " " },
		"look-alikes": func(s string) string {
			return strings.NewReplacer("0", "o", "1", "l").Replace(s)
		},
	}
	for name, typing := range typed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := b.ask(t, SignIn{Email: strings.ReplaceAll(name, " ", ".") + "@example.org"})
			if _, err := b.RedeemCode(t.Context(), m.cookie, typing(m.code), Client{}); err != nil {
				t.Errorf("%q: %v", typing(m.code), err)
			}
		})
	}
}

func TestSecondSignInFindsTheSameMember(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.signIn(t, "ada@example.org"), b.signIn(t, "ADA@example.org")
	if first.Member.ID != second.Member.ID || second.FirstProof {
		t.Errorf("members %s and %s, second is a first proof: %v", first.Member.ID, second.Member.ID, second.FirstProof)
	}
	if _, err := b.Session(t.Context(), first.Refresh); err != nil {
		t.Errorf("the first browser was signed out: %v", err)
	}
}

func TestLookingAtALinkChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org", ReturnTo: "/account", Kind: models.SignInNewsletter})
	for range 3 {
		a, err := b.Attempt(t.Context(), m.token)
		want := Attempt{Email: "ada@example.org", ReturnTo: "/account", Locale: "en", Kind: models.SignInNewsletter}
		if diff := cmp.Diff(want, a); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	if n, _ := gorm.G[models.Member](b.db.DB).Count(t.Context(), "id"); n != 0 {
		t.Errorf("%d members were made by looking", n)
	}
	if _, err := b.RedeemLink(t.Context(), m.token, Client{}); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheAskingBrowserIsTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine, other := b.ask(t, SignIn{Email: "ada@example.org"}), b.ask(t, SignIn{Email: "ada@example.org"})
	for cookie, want := range map[string]bool{mine.cookie: true, other.cookie: false, "": false, flip(mine.cookie, 40): false} {
		if got := b.SameBrowser(t.Context(), mine.token, cookie); got != want {
			t.Errorf("cookie %q: same browser %v, want %v", cookie, got, want)
		}
	}
	if b.SameBrowser(t.Context(), flip(mine.token, 40), mine.cookie) {
		t.Error("a forged token has a browser")
	}
}

func TestAttemptEndsAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	b.clock.Advance(15*time.Minute - time.Microsecond)
	if _, err := b.Attempt(t.Context(), m.token); err != nil {
		t.Errorf("a moment before the end: %v", err)
	}
	b.clock.Advance(time.Microsecond)
	_, err := b.Attempt(t.Context(), m.token)
	wantCode(t, err, "signin.link_expired")
	_, err = b.RedeemLink(t.Context(), m.token, Client{})
	wantCode(t, err, "signin.link_expired")
	_, err = b.RedeemCode(t.Context(), m.cookie, m.code, Client{})
	wantCode(t, err, "signin.code_expired")
}

func TestThreeMailsToAnAddressAreLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mails []mailed
	for range 4 {
		b.clock.Advance(time.Second)
		mails = append(mails, b.ask(t, SignIn{Email: "ada@example.org"}))
	}
	b.ask(t, SignIn{Email: "bob@example.org"})
	_, err := b.RedeemLink(t.Context(), mails[0].token, Client{})
	wantCode(t, err, "signin.link_expired")
	_, err = b.RedeemCode(t.Context(), mails[0].cookie, mails[0].code, Client{})
	wantCode(t, err, "signin.code_expired")
	if _, err := b.RedeemLink(t.Context(), mails[1].token, Client{}); err != nil {
		t.Errorf("the third newest: %v", err)
	}
}

func TestAskingInParallelLeavesThreeLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookies := make([]string, 12)
	atOnce(len(cookies), func(i int) (err error) {
		cookies[i], err = b.RequestSignIn(t.Context(), SignIn{Email: "ada@example.org", Kind: models.SignInReader})
		return err
	})
	var errs []error
	for _, cookie := range cookies {
		_, err := b.Attempt(t.Context(), b.open(t, cookie).token)
		errs = append(errs, err)
	}
	if diff := cmp.Diff(map[string]int{"ok": 3, "signin.link_expired": 9}, tally(errs)); diff != "" {
		t.Error(diff)
	}
}

func TestBadAddressKeepsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.RequestSignIn(t.Context(), SignIn{Email: "not an address", Kind: models.SignInReader})
	wantCode(t, err, "signin.email_invalid")
	if n, _ := gorm.G[models.SignInAttempt](b.db.DB).Count(t.Context(), "id"); n != 0 {
		t.Errorf("%d attempts kept", n)
	}
}

func TestUnsafeReturnIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org", ReturnTo: "https://evil.example/"})
	if a, err := b.Attempt(t.Context(), m.token); err != nil || a.ReturnTo != "" {
		t.Errorf("return to %q, %v", a.ReturnTo, err)
	}
}

func TestAnyUserAgentIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, agent := range []string{"\x00\xff\xfe", strings.Repeat("å", 5000), "a\r\nb"} {
		if _, err := b.RedeemLink(t.Context(), b.ask(t, SignIn{Email: "ada@example.org"}).token, Client{UserAgent: agent}); err != nil {
			t.Errorf("%.20q: %v", agent, err)
		}
	}
}
