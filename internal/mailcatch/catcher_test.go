package mailcatch_test

import (
	"context"
	"errors"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/internal/mailcatch"
)

const patience = 30 * time.Second

func start(t *testing.T) *mailcatch.Catcher {
	t.Helper()
	c, err := mailcatch.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(c *mailcatch.Catcher, to, mail string) error {
	wire := strings.ReplaceAll(mail, "\n", "\r\n")
	return smtp.SendMail(c.Addr().String(), nil, "desk@example.news", []string{to}, []byte(wire))
}

const both = `From: Desk <desk@example.news>
To: ada@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Sun, 22 Nov 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

A long=
 line: =C3=BC

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+w7w8L3A+
--b--
`

func plain(subject string) string {
	return "Subject: " + subject + "\nDate: Sun, 22 Nov 2026 09:00:00 +0000\nContent-Type: text/plain\n\nHello.\n"
}

func TestMailIsReadAsItsReaderWould(t *testing.T) {
	t.Parallel()
	c := start(t)
	if err := send(c, "ada@example.org", both); err != nil {
		t.Fatal(err)
	}
	got := c.Mails()[0]
	if !strings.Contains(got.Raw, "=?utf-8?q?") {
		t.Errorf("raw is not raw:\n%s", got.Raw)
	}
	got.Raw = ""
	want := mailcatch.Mail{
		To: "ada@example.org", From: "desk@example.news", Subject: "Grüße",
		Text: "A long line: ü\n", HTML: "<p>ü</p>", At: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMailsAreNewestFirst(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, subject := range []string{"one", "two", "three"} {
		if err := send(c, "ada@example.org", plain(subject)); err != nil {
			t.Fatal(err)
		}
	}
	var subjects []string
	for _, m := range c.Mails() {
		subjects = append(subjects, m.Subject)
	}
	if diff := cmp.Diff([]string{"three", "two", "one"}, subjects); diff != "" {
		t.Error(diff)
	}
}

func TestWaitReturnsWhatIsThereOrComes(t *testing.T) {
	t.Parallel()
	c := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for range 3 { // some of them wait before the mail comes, some look after it
		wg.Go(func() {
			m, err := c.Wait(ctx, func(m mailcatch.Mail) bool { return m.Subject == "two" })
			if err != nil || m.To != "bob@example.org" {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	for to, subject := range map[string]string{"ada@example.org": "one", "bob@example.org": "two"} {
		if err := send(c, to, plain(subject)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestWaitGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := start(t).Wait(ctx, func(mailcatch.Mail) bool { return true })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFailNextFailsOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.FailNext(451)
	c.FailNext(550)
	for _, want := range []int{451, 550, 0} {
		code, answer := 0, new(textproto.Error)
		err := send(c, "ada@example.org", plain("x"))
		if errors.As(err, &answer) {
			code = answer.Code
		}
		if code != want || (err == nil) != (want == 0) {
			t.Errorf("got %v, want %d", err, want)
		}
	}
	if n := len(c.Mails()); n != 1 {
		t.Errorf("%d mails came through", n)
	}
}

func TestWhatIsNoMailIsRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, bad := range []string{"no header at all", "Subject: x\n\nno date\n", "Subject: x\nDate: Sun, 22 Nov 2026 09:00:00 +0000\nContent-Type: ;\n\n"} {
		if err := send(c, "ada@example.org", bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestTakenAddressIsAnError(t *testing.T) {
	t.Parallel()
	c := start(t)
	if second, err := mailcatch.Start(c.Addr().String()); err == nil {
		_ = second.Close()
		t.Error("two servers listen on one address")
	}
}
