package auth

import (
	netmail "net/mail"
	"strings"
	"testing"

	"newsroom.example/membership/models"
)

// Whatever is typed as an address, and however a browser calls itself, no mail of ours
// gets a header, a recipient or a part that we did not give it.
func TestNothingTypedBecomesAHeader(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	in := b.signIn(t, "ada@example.org")
	for _, typed := range []string{
		"a@b.org\r\nBcc: c@d.org", "a@b.org\nBcc: c@d.org", "a@b.org\rBcc: c@d.org", "a@b.org\x00", "a@b.org%0d%0aBcc:c@d.org",
		"a@b.org,c@d.org", "a@b.org;c@d.org", "a@b.org c@d.org", "A <a@b.org>", "<a@b.org>", "a@b.org>", "a\u2028@b.org", "a\u0085b@c.org",
		"\"a\r\nBcc: c@d.org\"@b.org", "a@b.org\r\n\r\nhello", "a(b)@c.org", "a@b.org\r\n.\r\nMAIL FROM:<x@y.org>",
	} {
		_, err := b.RequestSignIn(t.Context(), SignIn{Email: typed, Kind: models.SignInReader})
		wantCode(t, err, "signin.email_invalid")
		wantCode(t, b.RequestAddress(t.Context(), Visitor{in.Member, in.Session}, NewAddress{Email: typed}), "signin.email_invalid")
	}
	// Odd, and allowed.
	to := "o'brien+news=1@example.org"
	if _, err := b.RequestSignIn(t.Context(), SignIn{Email: to, Kind: models.SignInReader, Locale: "en\r\nBcc: c@d.org", ReturnTo: "/a\r\nBcc: c@d.org"}); err != nil {
		t.Fatal(err)
	}
	b.wantOwnHeaders(t, next(t, post, to).Raw, to)
	b.steal(t, "Firefox/1 \r\nBcc: c@d.org")
	b.wantOwnHeaders(t, nextAbout(t, post, "ada@example.org", "old copy").Raw, "ada@example.org")
}

// steal signs ada in with a browser of that name, and has a copy of her token found.
func (b bench) steal(t *testing.T, agent string) {
	t.Helper()
	in, err := b.RedeemLink(t.Context(), b.ask(t, SignIn{Email: "ada@example.org"}).token, Client{UserAgent: agent})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(day)
	second := b.refresh(t, in.Refresh)
	b.clock.Advance(day)
	b.refresh(t, second)
	_, _, err = b.Refresh(t.Context(), in.Refresh)
	wantCode(t, err, "session.ended")
}

func (b bench) wantOwnHeaders(t *testing.T, raw, to string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{"Date": true, "Message-Id": true, "Mime-Version": true, "Subject": true, "From": true, "To": true, "Content-Type": true, "Content-Transfer-Encoding": true}
	for name, values := range m.Header {
		if !ours[name] || len(values) != 1 {
			t.Errorf("header %s: %q", name, values)
		}
	}
	if got := m.Header.Get("To"); got != "<"+to+">" {
		t.Errorf("to %q", got)
	}
}

// Who plants a cookie of their own in a browser before its reader signs in must not
// find themselves signed in as that reader.
func TestASessionIsNeverOnesThatWasThereBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	planted := b.signIn(t, "eve@example.org")
	in := b.signIn(t, "ada@example.org")
	if in.Session.ID == planted.Session.ID || in.Refresh == planted.Refresh {
		t.Error("the session that was planted is the reader's")
	}
	v, err := b.Session(t.Context(), planted.Refresh)
	if err != nil || v.Member.ID != planted.Member.ID {
		t.Errorf("the planted one is of %s, %v", v.Member.ID, err)
	}
	// Nor does a cookie of an attempt, planted, sign its browser in to another address.
	mine, victims := b.ask(t, SignIn{Email: "eve@example.org"}), b.ask(t, SignIn{Email: "ada@example.org"})
	_, err = b.RedeemCode(t.Context(), mine.cookie, victims.code, Client{})
	wantCode(t, err, "signin.code_wrong")
}
