package notify_test

import (
	"errors"
	"net"
	"net/mail"
	"strings"
	"testing"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/notify"
)

func postOffice(t *testing.T) (*mailcatch.Catcher, *notify.Mailer) {
	t.Helper()
	post, err := mailcatch.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = post.Close() })
	return post, mailer(t, post.Addr().Port)
}

func mailer(t *testing.T, port int) *notify.Mailer {
	t.Helper()
	m, err := notify.NewMailer(notify.SMTP{
		Host: "127.0.0.1", Port: port, From: "Die Börse <desk@example.news>", TLS: notify.Plain,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMailArrivesWhole(t *testing.T) {
	t.Parallel()
	post, m := postOffice(t)
	long := "https://members.example.news/signin/" + strings.Repeat("x", 90)
	err := m.Send(t.Context(), notify.Mail{
		To: "ada@example.org", Subject: "Grüße für dich", Text: "Öffne\n" + long + "\n.\nEnde\n", HTML: "<p>Öffne</p>",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := post.Mails()[0]
	if got.Subject != "Grüße für dich" || got.Text != "Öffne\n"+long+"\n.\nEnde\n" || got.HTML != "<p>Öffne</p>" {
		t.Errorf("got %+v", got)
	}
	head, err := mail.ReadMessage(strings.NewReader(got.Raw))
	if err != nil {
		t.Fatal(err)
	}
	if id := head.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.news>") {
		t.Errorf("message id %s", id)
	}
	if from, err := head.Header.AddressList("From"); err != nil || from[0].Name != "Die Börse" || got.From != "desk@example.news" {
		t.Errorf("from %v, %v; envelope %s", from, err, got.From)
	}
	for _, leak := range []string{"User-Agent", "X-Mailer", "Received"} {
		if head.Header.Get(leak) != "" {
			t.Errorf("%s is %s", leak, head.Header.Get(leak))
		}
	}
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	for code, refused := range map[int]bool{421: false, 451: false, 550: true, 554: true} {
		post, m := postOffice(t)
		post.FailNext(code)
		err := m.Send(t.Context(), notify.Mail{To: "ada@example.org", Subject: "x", Text: "x"})
		if err == nil || errors.Is(err, notify.ErrRefused) != refused {
			t.Errorf("answer %d: refused %v, %v", code, errors.Is(err, notify.ErrRefused), err)
		}
		if err != nil && strings.Contains(err.Error(), "ada@") {
			t.Errorf("the address is in the error: %v", err)
		}
	}
}

func TestServerThatIsAwayIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	err = mailer(t, port).Send(t.Context(), notify.Mail{To: "ada@example.org", Subject: "x", Text: "x"})
	if err == nil || errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), "ada@") {
		t.Error(err)
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	post, m := postOffice(t)
	for _, out := range []notify.Mail{
		{To: "ada@example.org\r\nBcc: bob@example.org", Subject: "x", Text: "x"},
		{To: "ada@example.org, bob@example.org", Subject: "x", Text: "x"},
		{To: "ada@example.org>\r\nRCPT TO:<bob@example.org", Subject: "x", Text: "x"},
		{To: "ada@example.org", Subject: "x\nBcc: bob@example.org", Text: "x"},
		{To: "ada@example.org", Subject: "x\r\n\r\nbody", Text: "x"},
		{To: "", Subject: "x", Text: "x"},
	} {
		err := m.Send(t.Context(), out)
		if !errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), "@") {
			t.Errorf("%q: %v", out, err)
		}
	}
	if mails := post.Mails(); len(mails) > 0 {
		t.Errorf("sent %+v", mails)
	}
}

// A password must not cross the net in the clear, nor a sign-in link.
func TestTLSIsNotOptional(t *testing.T) {
	t.Parallel()
	post, _ := postOffice(t) // it speaks no TLS
	for _, mode := range []notify.TLSMode{"", notify.StartTLS, notify.ImplicitTLS} {
		m, err := notify.NewMailer(notify.SMTP{Host: "127.0.0.1", Port: post.Addr().Port, From: "desk@example.news", TLS: mode})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Send(t.Context(), notify.Mail{To: "ada@example.org", Subject: "x", Text: "x"}); err == nil {
			t.Errorf("mode %q sent in the clear", mode)
		}
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	t.Parallel()
	good := notify.SMTP{Host: "mail.example.news", Port: 587, From: "desk@example.news"}
	for name, change := range map[string]func(*notify.SMTP){
		"no host":  func(s *notify.SMTP) { s.Host = "" },
		"port":     func(s *notify.SMTP) { s.Port = 70000 },
		"sender":   func(s *notify.SMTP) { s.From = "desk" },
		"TLS mode": func(s *notify.SMTP) { s.TLS = "maybe" },
	} {
		bad := good
		change(&bad)
		if _, err := notify.NewMailer(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := notify.NewMailer(good); err != nil {
		t.Error(err)
	}
}
