// Package handlers is the service over HTTP: the pages that readers meet, the
// JSON API under /v1, the published keys and the probes. A handler reads the
// request, calls one room and answers. What was paid for is billing's to say and
// who the reader is auth's; nothing here speaks to Stripe or to the database.
package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/locale"
)

// Config is what the pages must be told.
type Config struct {
	// PublicURL is our own base URL, without a slash at the end.
	PublicURL string
	// SiteName is the publisher's name, as it stands on the front page.
	SiteName string
	// ArticleOrigins are the publisher's sites, such as
	// https://www.example.news: readers may be sent back there, its forms may
	// post here, but not to the account, and its scripts may read /v1/me. The first is
	// its home.
	ArticleOrigins []string
	// CookieDomain is the parent domain that we share with the article hosts,
	// such as example.news: the access token's cookie is set for it. Where it is
	// empty there is no such cookie, and every article host is a client of auth's.
	CookieDomain string
	// CheckoutOrigins are where a form may lead to pay or to manage a payment.
	CheckoutOrigins []string
	// TrustedProxies are the addresses of the proxies in front of us, whose
	// X-Forwarded-For is believed; none: readers connect to us directly, and what
	// they say about themselves is not believed.
	TrustedProxies []netip.Prefix
	// Patience is how long a request may take before its reader is told that this
	// is too long; zero means 25 s. The server that cuts slow lines must wait longer.
	Patience time.Duration
}

// StripeOrigins are the CheckoutOrigins of Stripe itself.
func StripeOrigins() []string {
	return []string{"https://checkout.stripe.com", "https://billing.stripe.com", "https://invoice.stripe.com"}
}

// Rooms are whom the handlers ask.
type Rooms struct {
	Billing *billing.Service
	Auth    *auth.Service
	Words   *locale.Catalogue
	// Ready says why this process should get no requests now; nil: it should.
	Ready func(context.Context) error
	Clock func() time.Time
	Log   *slog.Logger
}

type server struct {
	Rooms
	cfg    Config
	pages  *pages
	assets *assets
}

// New returns the service's routes. Further ones, such as Stripe's webhook, may be
// added to it: they get the request id, the log line and the security headers, and
// none of the forms' checks.
func New(cfg Config, rooms Rooms) (*echo.Echo, error) {
	if len(cfg.ArticleOrigins) == 0 {
		return nil, fmt.Errorf("no article origin: pages need a home to lead back to")
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	pages, err := loadPages(assets)
	if err != nil {
		return nil, err
	}
	if cfg.Patience == 0 {
		cfg.Patience = 25 * time.Second
	}
	s := &server{Rooms: rooms, cfg: cfg, pages: pages, assets: assets}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = clientIP(cfg.TrustedProxies)
	e.HTTPErrorHandler = s.fail
	e.Pre(s.keysFirst)
	e.Use(s.everyRequest()...)
	if err := s.routes(e); err != nil {
		return nil, err
	}
	return e, nil
}

// clientIP finds the reader's address: the last one in X-Forwarded-For that no proxy of
// ours has.
func clientIP(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// secure says whether readers reach us over https, as they do everywhere but in a
// sandbox.
func (s *server) secure() bool { return strings.HasPrefix(s.cfg.PublicURL, "https://") }

// home is the publisher's front page.
func (s *server) home() string { return s.cfg.ArticleOrigins[0] + "/" }
