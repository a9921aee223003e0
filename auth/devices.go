package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
)

// maxDevices is how many live sessions a member is shown: the ones used last.
const maxDevices = 100

// Device is a browser in which a member is signed in.
type Device struct {
	Session uuid.UUID
	// Browser and System are the names of products, "Firefox" and "Windows"; ""
	// where the browser does not say.
	Browser, System string
	SignedInAt      time.Time
	LastSeenAt      time.Time // to the hour
	This            bool      // the one that asks
	Limited         bool      // began with a purchase; its address was not proven there
}

// Name is what its owner would call the device.
func (d Device) Name(words locale.Locale) string {
	switch {
	case d.Browser != "" && d.System != "":
		return words.Text("devices.on", locale.Data{"Browser": d.Browser, "System": d.System})
	case d.Browser != "" || d.System != "":
		return d.Browser + d.System
	}
	return words.Text("devices.unknown")
}

// Devices lists where the visitor's member is signed in, the one used last first, at
// most a hundred. A limited session is refused, here and below: it reads articles and
// no more.
func (s *Service) Devices(ctx context.Context, v Visitor) ([]Device, error) {
	if v.Session.Limited {
		return nil, errLimited
	}
	now := s.now()
	rows, err := gorm.G[models.Session](s.db.DB).
		Where("member_id = ? AND revoked_at IS NULL AND idle_until > ? AND expires_at > ?", v.Member.ID, now, now).
		Order("last_seen_at DESC, id DESC").Limit(maxDevices).Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the sessions of member %s: %w", v.Member.ID, err)
	}
	devices := make([]Device, len(rows))
	for i, r := range rows {
		browser, system := productsOf(r.UserAgent)
		devices[i] = Device{
			Session: r.ID, Browser: browser, System: system, SignedInAt: r.CreatedAt, LastSeenAt: r.LastSeenAt,
			This: r.ID == v.Session.ID, Limited: r.Limited,
		}
	}
	return devices, nil
}

// EndDevice ends one of the member's sessions. It is no error when that has ended
// already, or never was: what is wanted is so.
func (s *Service) EndDevice(ctx context.Context, v Visitor, session uuid.UUID) error {
	if v.Session.Limited {
		return errLimited
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return models.EndSessions(tx, revokedBySignOut, s.now(), "id = ? AND member_id = ?", session, v.Member.ID)
	})
}

// SignOutEverywhere ends all sessions of the visitor's member, this one included.
func (s *Service) SignOutEverywhere(ctx context.Context, v Visitor) error {
	if v.Session.Limited {
		return errLimited
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return models.EndSessions(tx, revokedEverywhere, s.now(), "member_id = ?", v.Member.ID)
	})
}

// product is a name and the word in a User-Agent header that gives it away.
type product struct{ mark, name string }

// The order decides: most browsers also say that they are those that they descend
// from. Brave, Arc and others call themselves Chrome.
// https://developer.mozilla.org/docs/Web/HTTP/Browser_detection_using_the_user_agent
var (
	browsers = []product{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"OPiOS/", "Opera"}, {"Vivaldi/", "Vivaldi"},
		{"SamsungBrowser/", "Samsung Internet"}, {"DuckDuckGo/", "DuckDuckGo"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []product{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

func productsOf(userAgent string) (browser, system string) {
	return firstOf(browsers, userAgent), firstOf(systems, userAgent)
}

func firstOf(products []product, userAgent string) string {
	for _, p := range products {
		if strings.Contains(userAgent, p.mark) {
			return p.name
		}
	}
	return ""
}
