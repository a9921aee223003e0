package notify

import (
	"errors"
	"fmt"

	"github.com/wneessen/go-mail"
)

// ErrRefused says that this mail will never be taken as it is: the address does
// not exist, or the server will not have the text.
var ErrRefused = errors.New("mail refused for good")

// classify keeps the codes of the server's answer and drops its words, which like
// to repeat the address. A 5yz answer to this mail is final (RFC 5321, section
// 4.2.1); trouble before it, such as a wrong password, is the operator's to mend
// and worth another try.
func classify(err error) error {
	var refusal *mail.SendError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	answer := fmt.Errorf("%s: answer %d %s", refusal.Reason, refusal.ErrorCode(), refusal.EnhancedStatusCode())
	if refusal.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrRefused, answer)
	}
	return fmt.Errorf("send a mail: %w", answer)
}
