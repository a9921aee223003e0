package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// Clients are the article services on domains of their own, where no cookie of ours
// goes: they exchange codes, which their readers bring from us, for access tokens. Any
// number of processes may have them on the same database.
type Clients struct {
	db     *models.DB
	issuer string
	clock  func() time.Time
	log    *slog.Logger

	// known are those that are not revoked, as they were a few seconds ago: enough to
	// lead readers back. Who is given a token is asked of the database.
	known       atomic.Pointer[doors]
	reloadEvery time.Duration
}

// doors are the clients, and their origins in the same order.
type doors struct {
	clients []models.Client
	origins []string
}

func newDoors(clients []models.Client) *doors {
	d := &doors{clients: clients}
	for _, client := range clients {
		d.origins = append(d.origins, client.Audience)
	}
	return d
}

// NewClients returns the clients of the issuer, none of which is known before Reload.
func NewClients(db *models.DB, issuer string, clock func() time.Time, log *slog.Logger) *Clients {
	c := &Clients{db: db, issuer: issuer, clock: clock, log: log, reloadEvery: reloadEvery}
	c.known.Store(&doors{})
	return c
}

// now is the newsroom's time, as finely as Postgres keeps it.
func (c *Clients) now() time.Time { return c.clock().UTC().Truncate(time.Microsecond) }

// Reload reads anew where readers may be led.
func (c *Clients) Reload(ctx context.Context) error {
	rows, err := gorm.G[models.Client](c.db.DB).Where("revoked_at IS NULL").Order("created_at, id").Limit(mostClients).Find(ctx)
	if err != nil {
		return fmt.Errorf("load the clients: %w", err)
	}
	c.known.Store(newDoors(rows))
	return nil
}

// Run reloads every few seconds, until ctx ends. That it fails is logged, once until it
// succeeds again; readers are led to those of the last success.
func (c *Clients) Run(ctx context.Context) error {
	tick := time.NewTicker(c.reloadEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := c.Reload(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.log.ErrorContext(ctx, "clients not reloaded", "error", err)
		}
		failing = err != nil
	}
}

// Origins are where the clients are: readers may be sent back there. It is not to be
// changed.
func (c *Clients) Origins() []string { return c.known.Load().origins }

// Door is where to send a reader who is to arrive at an address that SafeReturn found
// safe. A client learns at its callback who has come, and leads on to the page; any
// other address is its own door.
func (c *Clients) Door(to string) string {
	for _, client := range c.known.Load().clients {
		if path, inside := strings.CutPrefix(to, client.Audience); inside && strings.HasPrefix(path, "/") {
			return client.Callback + "?return_to=" + url.QueryEscape(path)
		}
	}
	return to
}

// Client is the one of that id, as ClientInfo spells it. The error is an *Error of
// KindNotFound when there is none, or it has been revoked: then nobody may be sent to
// its callback, which may be somebody else's by now (RFC 6749, section 4.1.2.1).
func (c *Clients) Client(ctx context.Context, id string) (models.Client, error) {
	key, ok := clientKey(id)
	if !ok {
		return models.Client{}, errClientUnknown
	}
	client, err := gorm.G[models.Client](c.db.DB).Where("id = ? AND revoked_at IS NULL", key).Take(ctx)
	switch {
	case models.NotFound(err):
		return client, errClientUnknown
	case err != nil:
		return client, fmt.Errorf("load client %s: %w", id, err)
	}
	return client, nil
}

// authentic says whether this is the client's secret. Hashes are compared, so that how
// long it takes says nothing about either secret.
func (c *Clients) authentic(client models.Client, secret string) bool {
	given := hash([]byte(secret))
	present := subtle.ConstantTimeCompare(given, client.SecretHash) == 1
	old := client.OldSecretUntil != nil && c.now().Before(*client.OldSecretUntil) && subtle.ConstantTimeCompare(given, client.OldSecretHash) == 1
	return present || old
}

// clientName is how the outside world names a client: the client_id claim, and the
// user name of its credentials.
func clientName(client uuid.UUID) string { return clientPrefix + client.String() }

const clientPrefix = "cli_"

// clientKey reads clientName's answer, in its one spelling.
func clientKey(name string) (uuid.UUID, bool) {
	key, err := uuid.Parse(strings.TrimPrefix(name, clientPrefix))
	return key, err == nil && clientName(key) == name
}
