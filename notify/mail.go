package notify

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"
)

// TLSMode is how the connection to the mail server is protected.
type TLSMode string

// The modes. StartTLS is the zero value's meaning; Plain is for a server on this
// machine and for the sandbox.
const (
	StartTLS    TLSMode = "starttls"
	ImplicitTLS TLSMode = "tls"
	Plain       TLSMode = "none"
)

// SMTP is the mail server that takes our mail, and who it comes from.
type SMTP struct {
	Host     string
	Port     int
	User     string // "" signs in nowhere
	Password string
	From     string // "The Harbour Lantern <members@example.news>"
	TLS      TLSMode
}

// Mail is one message to one person.
type Mail struct {
	To      string // a bare address
	Subject string
	Text    string
	HTML    string // "" for none
}

// Mailer hands mail to one SMTP server, over a connection per mail.
type Mailer struct {
	host    string
	options []mail.Option
	from    string
	domain  string // of the sender: the right half of a Message-ID
}

// mailTimeout bounds every single exchange with the server, and with it a job.
const mailTimeout = 15 * time.Second

// NewMailer checks the settings. It connects to nothing.
func NewMailer(s SMTP) (*Mailer, error) {
	from, err := netmail.ParseAddress(s.From)
	if err != nil {
		return nil, errors.New("set up the mail server: the sender is not an address")
	}
	tls, err := tlsOption(s.TLS)
	if err != nil {
		return nil, fmt.Errorf("set up the mail server: %w", err)
	}
	m := &Mailer{host: s.Host, from: s.From, domain: from.Address[strings.LastIndex(from.Address, "@")+1:]}
	m.options = []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(mailTimeout), mail.WithoutRset(), tls}
	if s.User != "" {
		m.options = append(m.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(s.User), mail.WithPassword(s.Password))
	}
	if _, err := mail.NewClient(m.host, m.options...); err != nil {
		return nil, fmt.Errorf("set up the mail server: %w", err)
	}
	return m, nil
}

func tlsOption(mode TLSMode) (mail.Option, error) {
	switch mode {
	case StartTLS, "":
		return mail.WithTLSPolicy(mail.TLSMandatory), nil
	case ImplicitTLS:
		return mail.WithSSL(), nil
	case Plain:
		return mail.WithTLSPolicy(mail.NoTLS), nil
	}
	return nil, fmt.Errorf("TLS mode %q is not starttls, tls or none", mode)
}

// Send hands the mail to the server. It returns nil once the server has taken it.
// An error that wraps ErrRefused is final; after any other, another try may do.
// No error holds the address or the text.
func (m *Mailer) Send(ctx context.Context, out Mail) error {
	msg, err := m.compose(out)
	if err != nil {
		return fmt.Errorf("compose a mail: %w", err)
	}
	client, err := mail.NewClient(m.host, m.options...)
	if err != nil {
		return fmt.Errorf("set up the mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // a line that broke while saying goodbye must not send it twice
	}
	return classify(err)
}

func (m *Mailer) compose(out Mail) (*mail.Msg, error) {
	if !oneLine(out.To) || !oneLine(out.Subject) {
		return nil, fmt.Errorf("%w: control character in a header", ErrRefused)
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(m.from); err != nil {
		return nil, errors.New("the sender is not an address")
	}
	if err := msg.To(out.To); err != nil {
		return nil, fmt.Errorf("%w: the recipient is not an address", ErrRefused)
	}
	msg.Subject(out.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(uuid.NewString() + "@" + m.domain)
	msg.SetBodyString(mail.TypeTextPlain, out.Text)
	if out.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, out.HTML)
	}
	return msg, nil
}

func oneLine(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }
