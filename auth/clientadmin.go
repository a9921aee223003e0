package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
)

// ClientInfo is a client as an operator sees it.
type ClientInfo struct {
	ID       string    `json:"client_id"`
	Name     string    `json:"name"`
	Audience string    `json:"audience"`
	Callback string    `json:"callback"`
	Created  time.Time `json:"created"`
	// Revoked is when it was; nil: it was not.
	Revoked *time.Time `json:"revoked,omitempty"`
	// OldSecretUntil is how long its secret of before is good; nil: it has one alone.
	OldSecretUntil *time.Time `json:"old_secret_until,omitempty"`
}

func clientInfo(row models.Client) ClientInfo {
	return ClientInfo{
		ID: clientName(row.ID), Name: row.Name, Audience: row.Audience, Callback: row.Callback,
		Created: row.CreatedAt, Revoked: row.RevokedAt, OldSecretUntil: row.OldSecretUntil,
	}
}

// mostClients is how many are listed and led to: far more than a publisher has papers.
const mostClients = 500

// oldSecretLife is how long a secret is good after it was exchanged: until every
// process of the article service has the new one.
const oldSecretLife = 24 * time.Hour

// longestName is in characters.
const longestName = 100

// DefaultCallbackPath is where on its origin a client has its callback unless it says
// otherwise.
const DefaultCallbackPath = "/_membership/callback"

// NewClient is what an operator says of a client.
type NewClient struct {
	Name     string
	Audience string // its origin, https://www.paper.example
	Callback string // an address there; "" for DefaultCallbackPath
}

func (n NewClient) check(issuer string) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	plain := utf8.ValidString(n.Name) && printable(n.Name) == n.Name && !strings.Contains(n.Name, "@")
	fault(strings.TrimSpace(n.Name) == "" || utf8.RuneCountInString(n.Name) > longestName || !plain,
		"the name wants 1 to %d plain characters and no e-mail address: it stays in the audit log for good", longestName)
	fault(!IsOrigin(n.Audience), "the audience %q is no origin as browsers write it: https, the host in lower case, nothing after, for example https://www.paper.example", n.Audience)
	fault(n.Audience == issuer, "the audience %q is this service itself", n.Audience)
	path, inside := strings.CutPrefix(n.Callback, n.Audience)
	fault(!inside || len(path) < 2 || safePath(path) != path || strings.Contains(path, "?"),
		"the callback %q is no page of the audience, for example %s", n.Callback, n.Audience+DefaultCallbackPath)
	return errors.Join(faults...)
}

// Add keeps a client and returns its secret, which is nowhere else and never told again.
func (c *Clients) Add(ctx context.Context, n NewClient, by Why) (ClientInfo, string, error) {
	n.Callback = orElse(n.Callback, n.Audience+DefaultCallbackPath)
	if err := errors.Join(n.check(c.issuer), by.check()); err != nil {
		return ClientInfo{}, "", err
	}
	secret := newSecret()
	row := models.Client{
		ID: models.NewID(), Name: n.Name, Audience: n.Audience, Callback: n.Callback,
		SecretHash: hash([]byte(secret)), CreatedAt: c.now(),
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		err := gorm.G[models.Client](tx).Create(ctx, &row)
		if models.Violates(err, "clients_audience") {
			return fmt.Errorf("there is a client for %s already: see membership clients list", n.Audience)
		}
		if err != nil {
			return fmt.Errorf("keep a client: %w", err)
		}
		return c.audit(tx, by, "client.added", row, map[string]any{"name": n.Name, "audience": n.Audience, "callback": n.Callback})
	})
	if err != nil {
		return ClientInfo{}, "", err
	}
	return clientInfo(row), secret, nil
}

// List is the newest five hundred clients, those that are revoked last.
func (c *Clients) List(ctx context.Context) ([]ClientInfo, error) {
	rows, err := gorm.G[models.Client](c.db.DB).Order("revoked_at IS NOT NULL, created_at DESC, id").Limit(mostClients).Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the clients: %w", err)
	}
	all := make([]ClientInfo, len(rows))
	for i, row := range rows {
		all[i] = clientInfo(row)
	}
	return all, nil
}

// Find is one client, revoked or not.
func (c *Clients) Find(ctx context.Context, id string) (ClientInfo, error) {
	row, err := c.find(ctx, c.db.DB, id)
	return clientInfo(row), err
}

// Revoke ends a client: it gets no token any more, and no reader is led to it. The
// tokens that its readers have live out their ten minutes. Again does nothing.
func (c *Clients) Revoke(ctx context.Context, id string, by Why) (ClientInfo, error) {
	return c.change(ctx, id, by, "client.revoked", func(row *models.Client) (changed bool, err error) {
		if row.RevokedAt != nil {
			return false, nil
		}
		row.RevokedAt = new(c.now())
		row.OldSecretHash, row.OldSecretUntil = nil, nil
		return true, nil
	})
}

// RotateSecret gives a client another secret. The one of before is good for a day, or
// with atOnce no longer.
func (c *Clients) RotateSecret(ctx context.Context, id string, atOnce bool, by Why) (ClientInfo, string, error) {
	secret := newSecret()
	info, err := c.change(ctx, id, by, "client.secret_rotated", func(row *models.Client) (changed bool, err error) {
		if row.RevokedAt != nil {
			return false, fmt.Errorf("client %s was revoked: add a new one", id)
		}
		row.OldSecretHash, row.OldSecretUntil = row.SecretHash, new(c.now().Add(oldSecretLife))
		if atOnce {
			row.OldSecretHash, row.OldSecretUntil = nil, nil
		}
		row.SecretHash = hash([]byte(secret))
		return true, nil
	})
	if err != nil {
		return ClientInfo{}, "", err
	}
	return info, secret, nil
}

// change locks a client, has it altered and, if that changed anything, tells the audit
// log.
func (c *Clients) change(ctx context.Context, id string, by Why, action string, alter func(*models.Client) (changed bool, err error)) (ClientInfo, error) {
	if err := by.check(); err != nil {
		return ClientInfo{}, err
	}
	var row models.Client
	err := c.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if row, err = c.find(ctx, tx, id, clause.Locking{Strength: "UPDATE"}); err != nil {
			return err
		}
		if changed, err := alter(&row); err != nil || !changed {
			return err
		}
		_, err = gorm.G[models.Client](tx).Where("id = ?", row.ID).
			Select("secret_hash", "old_secret_hash", "old_secret_until", "revoked_at").Updates(ctx, row)
		if err != nil {
			return fmt.Errorf("change client %s: %w", id, err)
		}
		return c.audit(tx, by, action, row, nil)
	})
	return clientInfo(row), err
}

func (c *Clients) find(ctx context.Context, tx *gorm.DB, id string, how ...clause.Expression) (models.Client, error) {
	key, ok := clientKey(id)
	if !ok {
		key = uuid.Nil
	}
	row, err := gorm.G[models.Client](tx, how...).Where("id = ?", key).Take(ctx)
	switch {
	case models.NotFound(err):
		return row, fmt.Errorf("there is no client %q: see membership clients list", id)
	case err != nil:
		return row, fmt.Errorf("load client %s: %w", id, err)
	}
	return row, nil
}

func (c *Clients) audit(tx *gorm.DB, by Why, action string, row models.Client, after map[string]any) error {
	entry := models.AuditEntry{
		At: c.now(), Actor: by.Actor, Action: action, Subject: clientName(row.ID), Reason: strings.TrimSpace(by.Reason),
	}
	if after != nil {
		said, err := json.Marshal(after)
		if err != nil {
			return fmt.Errorf("write the audit entry: %w", err)
		}
		entry.After = said
	}
	return models.Audit(tx, entry)
}

// newSecret is 32 random bytes as text that stands in a configuration unquoted.
func newSecret() string { return base64.RawURLEncoding.EncodeToString(randomSeed()) }
