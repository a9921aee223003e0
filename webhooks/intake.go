// Package webhooks receives Stripe's deliveries. It checks that Stripe sent them,
// stores what they name and acknowledges; it decides nothing itself.
package webhooks

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// maxStoring bounds who may wait for a commit; beyond it, and beyond maxReading,
// Stripe is asked to come again.
const maxStoring = 2 * maxBatch

// Config is what the intake must be told.
type Config struct {
	Secrets  []string // signing secrets of the endpoint; several while one is rolled
	Livemode bool     // the mode of our Stripe key; the other mode's events are kept aside
}

// Intake is the endpoint that Stripe posts to.
type Intake struct {
	cfg     Config
	clock   func() time.Time // what signatures are dated against
	log     *slog.Logger
	bodies  *reader
	storing chan struct{}
	commits *committer
}

// New makes the intake. An empty secret is refused: it would let anybody sign.
func New(db *models.DB, cfg Config, clock, real func() time.Time, wake func(), log *slog.Logger) (*Intake, error) {
	if len(cfg.Secrets) == 0 {
		return nil, errors.New("no webhook signing secret")
	}
	for _, secret := range cfg.Secrets {
		if secret == "" {
			return nil, errors.New("an empty webhook signing secret")
		}
	}
	keep := func(ctx context.Context, arrivals []models.Arrival) error {
		kept, err := db.KeepEvents(ctx, arrivals, real())
		if kept > 0 {
			wake()
		}
		return err
	}
	return &Intake{cfg: cfg, clock: clock, log: log,
		bodies: newReader(), storing: make(chan struct{}, maxStoring), commits: newCommitter(keep)}, nil
}

// Receive answers POST /webhooks/stripe. A 200 is a promise that the event is
// durable; every other answer makes Stripe come again or tells its sender why not.
//
// Reading and storing have bounds of their own: senders that dawdle must not keep
// those out whose event is here.
func (in *Intake) Receive(c echo.Context) error {
	event, err := in.read(c)
	if err != nil {
		return refuse(c, err)
	}
	select {
	case in.storing <- struct{}{}:
		defer func() { <-in.storing }()
	default:
		return refuse(c, errCrowded)
	}
	ctx := c.Request().Context()
	in.remark(ctx, event)
	if err := in.commits.store(ctx, event); err != nil {
		in.log.ErrorContext(ctx, "could not store an event", "event", event.ID, "error", err)
		return refuse(c, errNotStored)
	}
	return c.NoContent(http.StatusOK)
}

// read takes the body in and leaves the little that is kept of it. A header that
// no body could match is refused before anything is read.
func (in *Intake) read(c echo.Context) (event models.Arrival, err error) {
	s, err := parseSignature(c.Request().Header.Get("Stripe-Signature"), in.clock())
	if err != nil {
		return event, err
	}
	select {
	case in.bodies.places <- struct{}{}:
		defer func() { <-in.bodies.places }()
	default:
		return event, errCrowded
	}
	err = in.bodies.read(c.Response().Writer, c.Request(), func(body []byte) error {
		if err := s.verify(body, in.cfg.Secrets); err != nil {
			return err
		}
		e, err := parse(body)
		event = in.arrival(e, body)
		return err
	})
	return event, err
}

func (in *Intake) arrival(e envelope, body []byte) models.Arrival {
	hash := sha256.Sum256(body)
	arrival := models.Arrival{StripeEvent: models.StripeEvent{
		ID: e.ID, Account: e.Account, Livemode: e.Livemode, Type: e.Type, APIVersion: e.APIVersion,
		ObjectType: e.Data.Object.Object, ObjectID: e.Data.Object.ID,
		Quarantined: e.Livemode != in.cfg.Livemode, BodyHash: hash[:],
		CreatedAt: time.Unix(e.Created, 0).UTC(), ReceivedAt: in.clock(),
	}}
	if kind, id := e.Data.Object.Subject(); id != "" && !arrival.Quarantined {
		arrival.SubjectKind, arrival.SubjectID = kind, &id
	}
	return arrival
}

func (in *Intake) remark(ctx context.Context, event models.Arrival) {
	if event.Quarantined {
		in.log.WarnContext(ctx, "an event of the other mode was kept aside: check which endpoint points here", "event", event.ID, "livemode", event.Livemode)
	}
	if event.APIVersion != stripe.APIVersion {
		in.log.WarnContext(ctx, "an event has another API version: pin the endpoint", "event", event.ID, "version", event.APIVersion, "want", stripe.APIVersion)
	}
}
