// Package webhooks receives Stripe's deliveries. It checks that Stripe sent them,
// stores what they name and acknowledges; it decides nothing itself.
package webhooks

import (
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

const (
	// maxBody is several times the largest event seen.
	maxBody = 512 << 10
	// readFor is how long a sender may take over its body.
	readFor = 10 * time.Second
	// maxAtOnce bounds memory and connections; beyond it Stripe comes again.
	maxAtOnce = 64
)

// Config is what the intake must be told.
type Config struct {
	Secrets  []string // signing secrets of the endpoint; several while one is rolled
	Livemode bool     // the mode of our Stripe key; the other mode's events are kept aside
}

// Intake is the endpoint that Stripe posts to.
type Intake struct {
	db      *models.DB
	cfg     Config
	clock   func() time.Time // what signatures are dated against
	real    func() time.Time // when a subject is due
	wake    func()           // told after each commit
	log     *slog.Logger
	waiting chan struct{}
	readFor time.Duration
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
	return &Intake{db: db, cfg: cfg, clock: clock, real: real, wake: wake, log: log,
		waiting: make(chan struct{}, maxAtOnce), readFor: readFor}, nil
}

// Receive answers POST /webhooks/stripe. A 200 is a promise that the event is
// durable; every other answer makes Stripe come again or tells its sender why not.
func (in *Intake) Receive(c echo.Context) error {
	select {
	case in.waiting <- struct{}{}:
		defer func() { <-in.waiting }()
	default:
		c.Response().Header().Set("Retry-After", "5")
		return answer(c, http.StatusServiceUnavailable, "too many deliveries at once: try again")
	}
	body, err := in.read(c)
	if err != nil {
		return answer(c, http.StatusRequestEntityTooLarge, "the body is larger than 512 KiB or did not arrive in time")
	}
	if err := verify(body, c.Request().Header.Get("Stripe-Signature"), in.cfg.Secrets, in.clock()); err != nil {
		return answer(c, http.StatusBadRequest, err.Error())
	}
	event, err := parse(body)
	if err != nil {
		return answer(c, http.StatusBadRequest, err.Error())
	}
	if err := in.store(c, event, body); err != nil {
		in.log.ErrorContext(c.Request().Context(), "could not store an event", "event", event.ID, "error", err)
		c.Response().Header().Set("Retry-After", "30")
		return answer(c, http.StatusServiceUnavailable, "the event could not be stored: try again")
	}
	return c.NoContent(http.StatusOK)
}

// read bounds the body in size and in time. The time is a timer and not an instant
// by one of our clocks, which may not be the one that connections live by.
func (in *Intake) read(c echo.Context) ([]byte, error) {
	response := c.Response().Writer
	late := time.AfterFunc(in.readFor, func() {
		// Not every ResponseWriter has deadlines; the server's own bound holds then.
		_ = http.NewResponseController(response).SetReadDeadline(time.Unix(1, 0))
	})
	defer late.Stop()
	return io.ReadAll(http.MaxBytesReader(response, c.Request().Body, maxBody))
}

// answer is a refusal as RFC 9457 writes it.
func answer(c echo.Context, status int, detail string) error {
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(status, map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

// store keeps the event and marks its subject dirty in one commit. A redelivery of
// an event whose subject has been synced since changes nothing.
func (in *Intake) store(c echo.Context, e envelope, body []byte) error {
	ctx := c.Request().Context()
	row := in.row(e, body)
	stored := false
	err := in.db.Write(ctx, func(tx *gorm.DB) error {
		processed, err := models.EventProcessed(tx, row.ID)
		if err != nil || processed {
			return err
		}
		if subject := e.subject(); subject != nil && !row.Quarantined {
			if row.Dirty, err = models.MarkDirty(tx, *subject, in.real()); err != nil {
				return err
			}
			row.SubjectID, stored = &subject.ID, true
		}
		return models.KeepEvent(tx, row)
	})
	if err != nil {
		return err
	}
	in.remark(c, e, row)
	if stored {
		in.wake()
	}
	return nil
}

func (in *Intake) row(e envelope, body []byte) models.StripeEvent {
	hash := sha256.Sum256(body)
	return models.StripeEvent{
		ID: e.ID, Account: e.Account, Livemode: e.Livemode, Type: e.Type, APIVersion: e.APIVersion,
		ObjectType: e.Data.Object.Object, ObjectID: e.Data.Object.ID,
		Quarantined: e.Livemode != in.cfg.Livemode, BodyHash: hash[:],
		CreatedAt: time.Unix(e.Created, 0).UTC(), ReceivedAt: in.clock(),
	}
}

func (in *Intake) remark(c echo.Context, e envelope, row models.StripeEvent) {
	ctx := c.Request().Context()
	if row.Quarantined {
		in.log.WarnContext(ctx, "an event of the other mode was kept aside: check which endpoint points here", "event", e.ID, "livemode", e.Livemode)
	}
	if e.APIVersion != stripe.APIVersion {
		in.log.WarnContext(ctx, "an event has another API version: pin the endpoint", "event", e.ID, "version", e.APIVersion, "want", stripe.APIVersion)
	}
}
