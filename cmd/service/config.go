package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/notify"
)

// Config is everything that a deployment decides. Each secret may also come from a
// file: set NAME_FILE to its path instead of NAME.
type Config struct {
	Listen         string   `env:"LISTEN" envDefault:":8080"`
	PublicURL      string   `env:"PUBLIC_URL"`
	SiteName       string   `env:"SITE_NAME"`
	ArticleOrigins []string `env:"ARTICLE_ORIGINS"`
	CookieDomain   string   `env:"COOKIE_DOMAIN"`

	TrustedProxies   []string `env:"TRUSTED_PROXIES"`
	SignInPerAddress int      `env:"SIGNIN_PER_ADDRESS" envDefault:"10"`
	SignInPerNetwork int      `env:"SIGNIN_PER_NETWORK" envDefault:"200"`

	CheckoutPerMember   int `env:"CHECKOUT_PER_MEMBER" envDefault:"30"`
	CheckoutPerNetwork  int `env:"CHECKOUT_PER_NETWORK" envDefault:"60"`
	CheckoutOfStrangers int `env:"CHECKOUT_OF_STRANGERS" envDefault:"600"`

	DatabaseURL   string `env:"DATABASE_URL"`
	DatabaseConns int32  `env:"DATABASE_CONNS" envDefault:"16"`
	JobsPollOnly  bool   `env:"JOBS_POLL_ONLY"`

	StripeSecretKey      string   `env:"STRIPE_SECRET_KEY"`
	StripeWebhookSecrets []string `env:"STRIPE_WEBHOOK_SECRETS"`
	StripeAPIBase        string   `env:"STRIPE_API_BASE"`
	StripeRate           float64  `env:"STRIPE_RATE"`
	StripeEndpointRate   float64  `env:"STRIPE_ENDPOINT_RATE" envDefault:"25"`

	SyncLease   time.Duration `env:"SYNC_LEASE" envDefault:"30s"`
	SyncWorkers int           `env:"SYNC_WORKERS" envDefault:"16"`

	SMTPURL  string `env:"SMTP_URL"`
	MailFrom string `env:"MAIL_FROM"`

	Pepper         string   `env:"PEPPER"`
	SealingKeys    []string `env:"SEALING_KEYS"`
	TokenAlgorithm string   `env:"TOKEN_ALGORITHM" envDefault:"ES256"`

	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`

	cramped bool // no setting: see Cramped
}

// Cramped is c without the least that DATABASE_CONNS takes. Only the fault harness asks
// for it, to show that nothing holds one connection while it waits for another.
func (c Config) Cramped() Config {
	c.cramped = true
	return c
}

// Secrets are the variables that may come from a file.
var Secrets = []string{"DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "SMTP_URL", "PEPPER", "SEALING_KEYS"}

// Fault is one thing that is wrong with the configuration. Problem never quotes a
// secret.
type Fault struct {
	Name, Problem, Example string
}

func (f Fault) String() string {
	return fmt.Sprintf("%s %s, for example %s", f.Name, f.Problem, f.Example)
}

// Faults lists all that is wrong, in the order of the fields; none: the service
// can start.
func (c Config) Faults() []Fault {
	var faults []Fault
	check := func(ok bool, name, problem, example string) {
		if !ok {
			faults = append(faults, Fault{name, problem, example})
		}
	}
	_, _, err := net.SplitHostPort(c.Listen)
	check(err == nil, "LISTEN", "is not host:port", ":8080")
	check(auth.IsOrigin(c.PublicURL), "PUBLIC_URL", wanted(c.PublicURL, "is not the service's own address as browsers write it: https, the host in lower case, nothing after"), "https://members.example.news")
	check(c.SiteName != "", "SITE_NAME", "is missing: the publisher's name, for pages and mails", `"The Harbour Lantern"`)
	check(len(c.ArticleOrigins) > 0 && !slices.ContainsFunc(c.ArticleOrigins, notOrigin), "ARTICLE_ORIGINS",
		wanted(strings.Join(c.ArticleOrigins, ""), "is not a list of addresses as browsers write them: https, the host in lower case, nothing after, with commas between"), "https://www.example.news,https://archive.example.news")
	check(!slices.Contains(c.ArticleOrigins, c.PublicURL), "ARTICLE_ORIGINS", "contains PUBLIC_URL: an article host is another host", "https://www.example.news")
	check(c.cookieReaches(), "COOKIE_DOMAIN", wanted(c.CookieDomain, "is not a parent domain of PUBLIC_URL and of every one of ARTICLE_ORIGINS (or none, if there is no such domain)"), "example.news")
	_, err = c.proxies()
	check(err == nil, "TRUSTED_PROXIES", "is not a list of addresses and networks, with commas between", "10.0.0.0/8,192.0.2.7")
	check(c.SignInPerAddress >= 0, "SIGNIN_PER_ADDRESS", "is below zero", "10")
	check(c.SignInPerNetwork >= 0, "SIGNIN_PER_NETWORK", "is below zero", "200")
	check(c.CheckoutPerMember >= 0, "CHECKOUT_PER_MEMBER", "is below zero", "30")
	check(c.CheckoutPerNetwork >= 0, "CHECKOUT_PER_NETWORK", "is below zero", "60")
	check(c.CheckoutOfStrangers >= 0, "CHECKOUT_OF_STRANGERS", "is below zero", "600")
	check(isPostgres(c.DatabaseURL), "DATABASE_URL", wanted(c.DatabaseURL, "is not a postgres:// address"), "postgres://membership:secret@db.example.news/membership")
	check(c.DatabaseConns >= 4 || c.cramped, "DATABASE_CONNS", "is below 4: pages, jobs and the sync need one each", "16")
	c.stripeFaults(check)
	check(c.SyncLease == 0 || c.SyncLease >= 2*time.Second, "SYNC_LEASE", "is below two seconds: Stripe's answers must fit in", "30s")
	check(c.SyncWorkers >= 0, "SYNC_WORKERS", "is below zero", "16")
	_, err = c.smtp()
	check(err == nil, "SMTP_URL", wanted(c.SMTPURL, "is not an smtp://, smtps:// or smtp+plain:// address"), "smtp://user:secret@mail.example.news:587")
	_, err = mail.ParseAddress(c.MailFrom)
	check(err == nil, "MAIL_FROM", wanted(c.MailFrom, "is not a sender"), `"The Harbour Lantern <members@example.news>"`)
	pepper, err := decodeKey(c.Pepper)
	check(err == nil && len(pepper) >= 32, "PEPPER", wanted(c.Pepper, "is not at least 32 random bytes in base64"), "the output of: openssl rand -base64 32")
	_, err = c.sealingKeys()
	check(err == nil, "SEALING_KEYS", fmt.Sprint(err), "the output of: openssl rand -base64 32")
	check(c.TokenAlgorithm == "ES256" || c.TokenAlgorithm == "EdDSA", "TOKEN_ALGORITHM", "is neither ES256 nor EdDSA", "ES256")
	_, err = level(c.LogLevel)
	check(err == nil, "LOG_LEVEL", "is not debug, info, warn or error", "info")
	return faults
}

func (c Config) stripeFaults(check func(ok bool, name, problem, example string)) {
	key := c.StripeSecretKey
	known := strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_") || strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_")
	check(known, "STRIPE_SECRET_KEY", wanted(key, "is not a secret or restricted key of Stripe"), "rk_live_… (https://dashboard.stripe.com/apikeys)")
	check(len(c.StripeWebhookSecrets) > 0 && !slices.ContainsFunc(c.StripeWebhookSecrets, func(s string) bool { return !strings.HasPrefix(s, "whsec_") }),
		"STRIPE_WEBHOOK_SECRETS", wanted(strings.Join(c.StripeWebhookSecrets, ""), "is not a list of the endpoint's signing secrets"), "whsec_… (two with a comma between while one is rolled)")
	check(c.StripeAPIBase == "" || isLoopback(c.StripeAPIBase) && !billing.Livemode(key), "STRIPE_API_BASE",
		"points away from Stripe: that is only for a simulator on this machine, with a test key", "leave it out")
	check(c.StripeRate >= 0, "STRIPE_RATE", "is below zero", "100")
	check(c.StripeEndpointRate >= 0, "STRIPE_ENDPOINT_RATE", "is below zero", "25")
}

// stripeLimits are what Stripe takes by default: a quarter of the rate in test mode.
// The simulator's faults are live mode's.
// https://stripe.com/docs/rate-limits
func (c Config) stripeLimits() billing.Limits {
	overall := c.StripeRate
	switch {
	case overall > 0:
	case billing.Livemode(c.StripeSecretKey) || c.StripeAPIBase != "":
		overall = 100
	default:
		overall = 25
	}
	return billing.Limits{Overall: overall, Endpoint: c.StripeEndpointRate}
}

// wanted tells a missing value from a wrong one.
func wanted(value, problem string) string {
	if value == "" {
		return "is missing"
	}
	return problem
}

func notOrigin(s string) bool { return !auth.IsOrigin(s) }

func isPostgres(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") || strings.HasPrefix(s, "host=")
}

func isLoopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// noCookieDomain says that no article service shares a domain with us: each is a client.
const noCookieDomain = "none"

// cookieReaches says whether a cookie for the domain is sent to the article hosts,
// and can be set by us; or that none is meant to be.
func (c Config) cookieReaches() bool {
	if c.CookieDomain == noCookieDomain {
		return true
	}
	if c.CookieDomain == "" {
		return false
	}
	for _, origin := range append([]string{c.PublicURL}, c.ArticleOrigins...) {
		u, err := url.Parse(origin)
		if err != nil || u.Hostname() != c.CookieDomain && !strings.HasSuffix(u.Hostname(), "."+c.CookieDomain) {
			return false
		}
	}
	return true
}

// smtp reads SMTP_URL: smtp:// upgrades to TLS or fails, smtps:// begins with TLS,
// smtp+plain:// has none, for a mail server on this machine.
func (c Config) smtp() (notify.SMTP, error) {
	u, err := url.Parse(c.SMTPURL)
	if err != nil || u.Hostname() == "" {
		return notify.SMTP{}, fmt.Errorf("not an address")
	}
	out := notify.SMTP{Host: u.Hostname(), User: u.User.Username(), From: c.MailFrom}
	out.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		out.TLS, out.Port = notify.StartTLS, 587
	case "smtps":
		out.TLS, out.Port = notify.ImplicitTLS, 465
	case "smtp+plain":
		out.TLS, out.Port = notify.Plain, 25
	default:
		return notify.SMTP{}, fmt.Errorf("unknown scheme")
	}
	if port := u.Port(); port != "" {
		_, err = fmt.Sscanf(port, "%d", &out.Port)
	}
	return out, err
}

// proxies reads TRUSTED_PROXIES: networks, and single addresses as networks of one.
func (c Config) proxies() ([]netip.Prefix, error) {
	all := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no network", text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func decodeKey(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

// sealingKeys says which key is wrong and how, but quotes none.
func (c Config) sealingKeys() ([][]byte, error) {
	if len(c.SealingKeys) == 0 {
		return nil, errors.New("is missing: without it the signing keys would lie open in the database; make one, and keep it where backups of the database are not")
	}
	keys := make([][]byte, 0, len(c.SealingKeys))
	for i, text := range c.SealingKeys {
		key, err := decodeKey(text)
		if err != nil {
			return nil, fmt.Errorf("is not a list of keys in base64 with commas between: number %d is none", i+1)
		}
		if len(key) != 32 {
			return nil, fmt.Errorf("wants 32 random bytes for each key: number %d has %d", i+1, len(key))
		}
		keys = append(keys, key)
	}
	return keys, nil
}
