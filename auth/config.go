package auth

import (
	"errors"
	"fmt"
	"time"
)

// Config is who we are and how we sign.
type Config struct {
	// Issuer is the public base URL of this service, "https://members.example.news".
	Issuer string
	// SiteName is the publisher's name, as its mails say it.
	SiteName string
	// Audiences are the origins of the article services that tokens are for; the
	// first is the default. Readers may be sent back to them.
	Audiences []string
	// ClientID is the client_id claim of tokens that our own pages ask for.
	ClientID string
	// Algorithm is KeyConfig's.
	Algorithm string
	// Pepper derives links, codes and refresh tokens, at least 32 bytes. Another
	// one ends every session.
	Pepper []byte
	// SealingKeys are KeyConfig's.
	SealingKeys [][]byte

	// RotateAfter is how long a browser keeps one refresh token; zero means 24 h.
	RotateAfter time.Duration
	// IdleAfter ends a session that nobody used; zero means 90 days.
	IdleAfter time.Duration
	// EndAfter ends every session; zero means 365 days.
	EndAfter time.Duration

	// PerAddress is how many mails with a link one address may be sent an hour; zero
	// means 10.
	PerAddress int
	// PerNetwork is how many such mails may be asked for, and how many sessions
	// begun, from one network an hour; zero means 200. Codes may be tried five times
	// as often. A network is a /24 of IPv4 or a /56 of IPv6.
	PerNetwork int
}

// minPepper is as long as the HMAC's output: a shorter key would be its weakest part.
const minPepper = 32

func (c Config) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!IsOrigin(c.Issuer), "issuer %q is not an origin such as https://members.example.news", c.Issuer)
	fault(len(c.Audiences) == 0, "no audience: name the origin of at least one article service")
	for _, a := range c.Audiences {
		fault(!IsOrigin(a), "audience %q is not an origin such as https://www.example.news", a)
		fault(a == c.Issuer, "audience %q is the issuer itself", a)
	}
	fault(c.SiteName == "", "no site name for the mails")
	fault(c.ClientID == "", "no client id")
	fault(len(c.Pepper) < minPepper, "the pepper has %d bytes, it needs %d", len(c.Pepper), minPepper)
	fault(c.PerAddress < 0 || c.PerNetwork < 0, "a limit is below zero")
	return errors.Join(append(faults, c.keys().faults()...)...)
}

func (c Config) keys() KeyConfig {
	return KeyConfig{Algorithm: c.Algorithm, SealingKeys: c.SealingKeys}
}

func (c Config) withDefaults() Config {
	c.RotateAfter = orElse(c.RotateAfter, 24*time.Hour)
	c.IdleAfter = orElse(c.IdleAfter, 90*24*time.Hour)
	c.EndAfter = orElse(c.EndAfter, 365*24*time.Hour)
	c.PerAddress = orElse(c.PerAddress, 10)
	c.PerNetwork = orElse(c.PerNetwork, 200)
	return c
}

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
