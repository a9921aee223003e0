package paywall

import "errors"

// The reasons why Verify refuses a token. Match them with errors.Is; the text
// of the error says more, and never holds the token.
var (
	// ErrInvalid: the token is not one that our issuer gave us, or not yet.
	ErrInvalid = errors.New("token is not valid")
	// ErrExpired: the token was good and its time is over.
	ErrExpired = errors.New("token has expired")
	// ErrRevoked: the token was good and was called back before its time.
	ErrRevoked = errors.New("token has been revoked")
	// ErrUnavailable: there are no keys to tell by, or none fresh enough, or
	// the revocation feed is silent for longer than Config.FailClosedAfter.
	ErrUnavailable = errors.New("tokens cannot be checked just now")
)
