package paywall

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config says whom to trust and how to answer. Issuer and Audience are
// required; everything else has a default that suits most.
type Config struct {
	// Issuer is the membership service's public origin, such as
	// https://members.example.news. It must equal the token's iss.
	Issuer string
	// Audience is this article service's own public origin, such as
	// https://www.example.news. It must equal the token's aud, and a reader
	// whose token was renewed is sent back to it.
	Audience string

	// Client are the credentials of an article service on a domain of its own, where
	// no cookie of the membership service goes: Callback must be served there. Default
	// none: the token comes in a cookie of the parent domain.
	Client Client

	// JWKSURL is where the keys are; default Issuer/.well-known/jwks.json.
	JWKSURL string
	// RenewURL is where a reader with an expired token gets a new one;
	// default Issuer/renew. It is called with return_to.
	RenewURL string
	// RevocationsURL is where the revocation feed is; default
	// Issuer/.well-known/revocations.
	RevocationsURL string
	// TokenURL is where Client exchanges a reader's code; default Issuer/v1/token.
	TokenURL string
	// HTTPClient fetches keys, revocations and tokens; default one that gives up after 5 s.
	HTTPClient *http.Client
	// Cookie is the name of the cookie that holds the token; default
	// CookieName, or with Client __Host-access.
	Cookie string

	// Leeway is how far the issuer's clock and ours may differ; default 5 s.
	Leeway time.Duration
	// MaxLifetime is the longest time between a token's iat and exp; default
	// 2 h.
	MaxLifetime time.Duration
	// KeysFile is where the keys are kept from one start to the next, so that
	// the paper opens for members also when it starts while the membership
	// service is away. It holds nothing secret, but who can write it can let
	// themselves in. Default none.
	KeysFile string
	// MaxStale is how long keys are used after they were last fetched;
	// default 24 h.
	MaxStale time.Duration
	// Revocations is how often the feed is asked whether tokens were called
	// back: default 5 s, or up to a quarter sooner. Negative is never; then a
	// token is good until its end, whatever happens to the membership.
	Revocations time.Duration
	// FailClosedAfter is how long tokens are believed without hearing from the
	// feed; after that the answer is ErrUnavailable. Default 0: until their
	// end, so that the paper can be read while the membership service is away.
	FailClosedAfter time.Duration
	// CacheSize is how many verified tokens are remembered; default 10,000,
	// some 20 MB when full of long ones.
	CacheSize int

	// PaymentRequired makes the default refusal say 402 instead of 403 to a
	// member whose membership does not include what they ask for.
	PaymentRequired bool
	// Refusal writes the answer to a reader who may not pass Require, for
	// example a page. The headers that a refusal must have are set; it
	// chooses the status (Access.Status is the usual one) and the body. The
	// default answers with a line of text.
	Refusal func(w http.ResponseWriter, r *http.Request, access Access)
	// Logger hears of keys and revocations fetched and not fetched, never of a token; default
	// slog.Default().
	Logger *slog.Logger
	// Clock tells the time that tokens are judged by; default time.Now. Keys
	// and feed age by real time, whatever it says.
	Clock func() time.Time
}

// withDefaults returns the configuration filled in, or all its faults at once.
func (c Config) withDefaults() (Config, error) {
	faults := []error{
		checkOrigin("Issuer", c.Issuer),
		checkOrigin("Audience", c.Audience),
	}
	if c.Issuer == c.Audience {
		faults = append(faults, fault("Audience", "%q is the Issuer too", c.Audience))
	}
	orDefault(&c.JWKSURL, c.Issuer+"/.well-known/jwks.json")
	orDefault(&c.RenewURL, c.Issuer+"/renew")
	orDefault(&c.RevocationsURL, c.Issuer+"/.well-known/revocations")
	orDefault(&c.TokenURL, c.Issuer+"/v1/token")
	if c.Client.ID != "" {
		orDefault(&c.Cookie, c.cookieName("access"))
	}
	orDefault(&c.Cookie, CookieName)
	orDefault(&c.Leeway, 5*time.Second)
	orDefault(&c.MaxLifetime, 2*time.Hour)
	orDefault(&c.MaxStale, 24*time.Hour)
	orDefault(&c.Revocations, 5*time.Second)
	orDefault(&c.CacheSize, 10_000)
	orDefault(&c.HTTPClient, &http.Client{Timeout: 5 * time.Second})
	orDefault(&c.Logger, slog.Default())
	if c.Refusal == nil {
		c.Refusal = c.plainRefusal
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	faults = append(faults, checkURL("JWKSURL", c.JWKSURL), checkURL("RenewURL", c.RenewURL),
		checkURL("RevocationsURL", c.RevocationsURL), checkURL("TokenURL", c.TokenURL), c.Client.check(), c.checkLimits(), c.checkRevocations(), c.checkKeysFile())
	return c, errors.Join(faults...)
}

func (c Config) checkKeysFile() error {
	if c.KeysFile == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(c.KeysFile)); err != nil || !info.IsDir() {
		return fault("KeysFile", "the folder of %q does not exist", c.KeysFile)
	}
	return nil
}

func (c Config) checkLimits() error {
	if c.Leeway < 0 || c.MaxLifetime < 0 || c.MaxStale < 0 || c.CacheSize < 0 {
		return fault("Leeway, MaxLifetime, MaxStale, CacheSize", "must not be negative")
	}
	return nil
}

func (c Config) checkRevocations() error {
	if c.FailClosedAfter < 0 {
		return fault("FailClosedAfter", "must not be negative; leave it out to believe tokens until their end")
	}
	if c.FailClosedAfter > 0 && (c.Revocations < 0 || c.FailClosedAfter <= c.Revocations) {
		return fault("FailClosedAfter", "%v must be longer than Revocations, %v, and these must be asked for", c.FailClosedAfter, c.Revocations)
	}
	return nil
}

// fault names the field as the configuration spells it.
func fault(field, format string, args ...any) error {
	return fmt.Errorf(field+": "+format, args...)
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkOrigin wants scheme and host alone: an origin is compared as text, so
// that a stray slash would refuse every token.
func checkOrigin(field, value string) error {
	if err := checkURL(field, value); err != nil {
		return err
	}
	if u, _ := url.Parse(value); u.Scheme+"://"+u.Host != value {
		return fault(field, "%q must be scheme and host only, such as https://www.example.news", value)
	}
	return nil
}

func checkURL(field, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Contains(value, "#") {
		return fault(field, "%q is not an absolute http(s) URL, such as https://www.example.news", value)
	}
	return nil
}
