package faults

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/oracle"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// stripeKey opens the simulator, which takes any test key.
const stripeKey = "sk_test_sandbox"

// shop is the newsroom's catalogue, as the database and Stripe hold it, and the way
// in for its readers.
type shop struct {
	prices map[string]oracle.Price // by id
	month  oracle.Price            // member, every month, in euros: what most rows sell
	patron oracle.Price
	auth   *auth.Service
	db     *models.DB // auth's
}

// openShop applies the catalogue as the command line would, and reads what came of
// it.
func (w *world) openShop(ctx context.Context) error {
	config := service.Config{
		DatabaseURL: w.server.URL(w.database), DatabaseConns: 4,
		StripeSecretKey: stripeKey, StripeAPIBase: w.api.Base, PublicURL: w.members(),
	}
	billing, done, err := service.OpenBilling(ctx, config, service.Clocks{Newsroom: w.clock.Now, Real: time.Now}, w.log)
	if err != nil {
		return err
	}
	defer done()
	if err := billing.ApplyCatalog(ctx, w.options.Catalog); err != nil {
		return fmt.Errorf("apply the catalogue: %w", err)
	}
	return errors.Join(w.readPrices(ctx), w.restSweeps(ctx), w.openAuth(ctx))
}

func (w *world) readPrices(ctx context.Context) error {
	rows, err := w.db.Query(ctx, `SELECT p.id, p.plan_id, p."interval", p.Currency, p.amount, plans.grace_days,
		(SELECT array_agg(feature_id ORDER BY feature_id) FROM plan_features f WHERE f.plan_id = p.plan_id)
		FROM prices p JOIN plans ON plans.id = p.plan_id`)
	if err != nil {
		return fmt.Errorf("read the prices: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p oracle.Price, err error) {
		return p, row.Scan(&p.ID, &p.Plan, &p.Interval, &p.Currency, &p.Amount, &p.GraceDays, &p.Features)
	})
	if err != nil {
		return fmt.Errorf("read the prices: %w", err)
	}
	w.shop.prices = map[string]oracle.Price{}
	for _, p := range all {
		w.shop.prices[p.ID] = p
		if p.Currency == "eur" && p.Interval == "month" {
			switch p.Plan {
			case "member":
				w.shop.month = p
			case "patron":
				w.shop.patron = p
			}
		}
	}
	return nil
}

// openAuth is only there to let people in without a mail.
func (w *world) openAuth(ctx context.Context) error {
	db, err := models.Open(ctx, w.server.URL(w.database), 2)
	if err != nil {
		return err
	}
	w.shop.db = db
	w.atEnd(func() error { db.Close(); return nil })
	words, err := locale.New()
	if err != nil {
		return err
	}
	addr := w.mails.Addr()
	mailer, err := notify.NewMailer(notify.SMTP{Host: addr.IP.String(), Port: addr.Port, TLS: notify.Plain, From: "Lantern <members@news.localhost>"})
	if err != nil {
		return err
	}
	pepper, _ := base64.StdEncoding.DecodeString(Pepper)
	sealing, _ := base64.StdEncoding.DecodeString(SealingKey)
	w.shop.auth, err = auth.New(db, notify.NewJobs(db, w.log), mailer, words, auth.Config{
		Issuer: w.members(), SiteName: "Lantern", Audiences: []string{newsURL}, ClientID: "membership",
		Algorithm: "ES256", Pepper: pepper, SealingKeys: [][]byte{sealing},
	}, w.clock.Now, w.log)
	return err
}

// newMembers writes so many members, as purchases would have made them.
func (w *world) newMembers(ctx context.Context, n int) ([]*person, error) {
	all := make([]*person, n)
	rows := make([][]any, n)
	now := w.clock.Now()
	for i := range all {
		id := models.NewID()
		all[i] = &person{world: w, member: id, email: fmt.Sprintf("reader-%s@example.org", id)}
		rows[i] = []any{id, all[i].email, "", "en", now, now}
	}
	_, err := w.db.CopyFrom(ctx, pgx.Identifier{"members"},
		[]string{"id", "email", "name", "locale", "created_at", "updated_at"}, pgx.CopyFromRows(rows))
	if err != nil {
		return nil, fmt.Errorf("write %d members: %w", n, err)
	}
	return all, nil
}

// letIn gives a member's browser a session.
func (w *world) letIn(ctx context.Context, member uuid.UUID) (refresh string, err error) {
	_, refresh, err = w.shop.auth.StartLimitedSession(ctx, member, "faults", sessionLife)
	return refresh, err
}
