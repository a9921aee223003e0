// Package auth is who the reader is: sign-in links and codes, sessions, the keys
// that sign, and the access tokens that article services check offline. What a
// reader may read is told to it; it neither sells nor decides, and it sets no
// cookies: it hands out the values for them.
package auth

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/limits"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// Service answers who a reader is. It is safe for concurrent use, and any number of
// processes may run it on one database.
type Service struct {
	db     *models.DB
	jobs   *notify.Jobs
	mailer *notify.Mailer
	words  *locale.Catalogue
	cfg    Config
	pepper pepper
	limits *limits.Limiter
	clock  func() time.Time
	log    *slog.Logger

	// Keys sign. Prepare must be called on them before a token is asked for.
	Keys *Keyring
	// Clients are the article services on domains of their own.
	Clients *Clients

	feed      atomic.Pointer[Document] // nil: to be loaded
	loading   chan struct{}            // holds a token while somebody loads it
	feedFresh time.Duration

	// follow tells whoever else keeps a member's address that it has changed.
	follow func(ctx context.Context, tx *gorm.DB, member uuid.UUID) error
}

// New makes the service and adds its workers to jobs. It returns every fault of cfg
// at once.
func New(db *models.DB, jobs *notify.Jobs, mailer *notify.Mailer, words *locale.Catalogue, cfg Config, clock func() time.Time, log *slog.Logger) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	keys, err := NewKeyring(db, cfg.keys(), clock, log)
	if err != nil {
		return nil, err
	}
	s := &Service{
		db: db, jobs: jobs, mailer: mailer, words: words, cfg: cfg.withDefaults(),
		pepper: pepper(cfg.Pepper), limits: limits.New(cfg.Pepper, clock), clock: clock, log: log,
		Keys: keys, Clients: NewClients(db, cfg.Issuer, clock, log), loading: make(chan struct{}, 1), feedFresh: feedFresh,
	}
	notify.AddWorker(jobs, s.sendSignInMail)
	notify.AddWorker(jobs, s.sendReuseMail)
	notify.AddWorker(jobs, s.sendAddressMail)
	return s, nil
}

// OnAddress has follow called in the transaction that changes a member's address.
func (s *Service) OnAddress(follow func(ctx context.Context, tx *gorm.DB, member uuid.UUID) error) {
	s.follow = follow
}

// now is the newsroom's time, as finely as Postgres keeps it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }
