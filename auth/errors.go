package auth

// Kind is what sort of answer an error deserves at the edge.
type Kind string

// The kinds of errors.
const (
	KindInvalid      Kind = "invalid"      // what was typed cannot be right: say what to change
	KindNotFound     Kind = "not_found"    // we never gave this out
	KindGone         Kind = "gone"         // it was good once
	KindUnauthorized Kind = "unauthorized" // no session, or not any more
	KindLimited      Kind = "limited"      // too often from there: later
)

// Error is a refusal that a person is to read. Code names the sentence in the
// message catalogue. Any other error is a fault of ours and shows nobody its text.
type Error struct {
	Kind Kind
	Code string
	Err  error // the reason behind it, for the log; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Err.Error()
	}
	return e.Code
}

func (e *Error) Unwrap() error { return e.Err }

// The refusals. Their Code is compared by the pages, their Kind by the API.
var (
	errEmailInvalid = &Error{Kind: KindInvalid, Code: "signin.email_invalid"}
	errLinkUnknown  = &Error{Kind: KindNotFound, Code: "signin.link_unknown"}
	errLinkExpired  = &Error{Kind: KindGone, Code: "signin.link_expired"}
	errLinkUsed     = &Error{Kind: KindGone, Code: "signin.link_used"}
	errCodeWrong    = &Error{Kind: KindInvalid, Code: "signin.code_wrong"}
	errCodeExpired  = &Error{Kind: KindGone, Code: "signin.code_expired"}
	errCodeUsed     = &Error{Kind: KindGone, Code: "signin.code_used"}
	errTooManyTries = &Error{Kind: KindGone, Code: "signin.too_many_tries"}
	errAddressSame  = &Error{Kind: KindInvalid, Code: "address.same"}
	errAddressTaken = &Error{Kind: KindInvalid, Code: "address.taken"}
	errAddressLink  = &Error{Kind: KindNotFound, Code: "address.unknown"}
	errAddressOver  = &Error{Kind: KindGone, Code: "address.over"}
	errTooOften     = &Error{Kind: KindLimited, Code: "signin.too_often"}
	errNoSession    = &Error{Kind: KindUnauthorized, Code: "session.ended"}
	errLimited      = &Error{Kind: KindUnauthorized, Code: "session.limited"}
	errAudience     = &Error{Kind: KindInvalid, Code: "token.audience_unknown"}

	errClientUnknown = &Error{Kind: KindNotFound, Code: "client.unknown"}
	errClientRefused = &Error{Kind: KindUnauthorized, Code: "client.refused"}
	errClientLimited = &Error{Kind: KindLimited, Code: "client.limited"}
	errCodeRefused   = &Error{Kind: KindInvalid, Code: "client.code_refused"}
)
