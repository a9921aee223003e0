package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger" //nolint:depguard // no address comes here, and it is silenced
)

// plainEvent is an event as most write it down: with its body.
type plainEvent struct {
	ID         string `gorm:"primaryKey"`
	Type       string
	Body       json.RawMessage `gorm:"type:jsonb"`
	ReceivedAt time.Time
}

// plainSubject is what the event is about, to be worked on later.
type plainSubject struct {
	ID     string `gorm:"primaryKey"`
	Dirty  int64
	NextAt time.Time
}

const plainTables = `CREATE TABLE plain_events (id text PRIMARY KEY, type text, body jsonb, received_at timestamptz);
	CREATE TABLE plain_subjects (id text PRIMARY KEY, dirty bigint, next_at timestamptz)`

// baselineGorm is the intake as most would write it, and write it well: Echo,
// stripe-go's own check, and GORM with one transaction for each event.
func baselineGorm(_ context.Context, url string) (http.Handler, error) {
	db, err := gorm.Open(postgres.Open(url), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	handle, err := db.DB()
	if err != nil {
		return nil, err
	}
	handle.SetMaxOpenConns(pool)
	handle.SetMaxIdleConns(pool)
	if err := db.Exec(plainTables).Error; err != nil {
		return nil, err
	}
	e := echo.New()
	e.POST(intakePath, func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		event, err := webhook.ConstructEvent(body, c.Request().Header.Get("Stripe-Signature"), signingSecret)
		if err != nil {
			return c.NoContent(http.StatusBadRequest)
		}
		if err := keepPlainly(db.WithContext(c.Request().Context()), event, body); err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	})
	return e, nil
}

func keepPlainly(db *gorm.DB, event stripe.Event, body []byte) error {
	customer, _ := event.Data.Object["customer"].(string)
	return db.Transaction(func(tx *gorm.DB) error {
		kept := tx.Clauses(clause.OnConflict{DoNothing: true}).
			Create(&plainEvent{ID: event.ID, Type: string(event.Type), Body: body, ReceivedAt: time.Now()})
		if kept.Error != nil || kept.RowsAffected == 0 {
			return kept.Error
		}
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{"dirty": gorm.Expr("plain_subjects.dirty + 1")}),
		}).Create(&plainSubject{ID: customer, Dirty: 1, NextAt: time.Now()}).Error
	})
}
