package mailcatch

import (
	"fmt"
	"io"

	"github.com/emersion/go-smtp"
)

// session is one client's connection.
type session struct {
	catcher *Catcher
	from    string
	to      []string
}

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to let go of.
func (s *session) Logout() error { return nil }

// Mail takes any sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt repeats the address when it refuses, as many servers do: whoever logs such
// an answer should be found out here.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if code, ok := s.catcher.failure(); ok {
		return &smtp.SMTPError{
			Code:         code,
			EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1},
			Message:      fmt.Sprintf("<%s>: not taken, as asked for", to),
		}
	}
	s.to = append(s.to, to)
	return nil
}

// Data keeps the mail once for each of its recipients.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parse(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	m.From = s.from
	for _, m.To = range s.to {
		s.catcher.add(m)
	}
	return nil
}
