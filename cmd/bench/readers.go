package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// joined makes a member with two features for a year.
const joined = `WITH m AS (
	INSERT INTO members (id, email, name, locale, created_at, updated_at)
	VALUES (gen_random_uuid(), gen_random_uuid() || '@example.news', '', 'en', now(), now()) RETURNING id
)
INSERT INTO grants (id, member_id, source, source_ref, part, account, livemode, plan_id, tier, rank, features,
	valid_from, valid_until, grace_reason, revoked_reason, effective_at, recorded_at)
SELECT gen_random_uuid(), id, 'complimentary', id::text, '', '', false, 'supporter', 'Supporter', 1, '["articles:full", "sources:links"]',
	now(), now() + interval '1 year', '', '', now(), now() FROM m
RETURNING member_id`

// readersAsk makes members with sessions at a service of these settings, and returns
// the request of each for a token.
func readersAsk(ctx context.Context, settings []string, readers int) ([][]byte, error) {
	cfg, err := env.ParseAsWithOptions[service.Config](env.Options{Environment: env.ToMap(settings)})
	if err != nil {
		return nil, err
	}
	db, err := models.Open(ctx, cfg.DatabaseURL, 1)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	door, err := doorOf(db, cfg)
	if err != nil {
		return nil, err
	}
	asking := make([][]byte, readers)
	for i := range asking {
		var member uuid.UUID
		if err := db.Pool.QueryRow(ctx, joined).Scan(&member); err != nil {
			return nil, err
		}
		_, refresh, err := door.StartLimitedSession(ctx, member, "bench", time.Hour)
		if err != nil {
			return nil, err
		}
		asking[i] = get("/v1/token", "Cookie: __Host-session="+refresh+"\r\n")
	}
	return asking, nil
}

// doorOf begins sessions that the service with the same settings takes for its own.
func doorOf(db *models.DB, cfg service.Config) (*auth.Service, error) {
	pepper, err := base64.StdEncoding.DecodeString(cfg.Pepper)
	if err != nil {
		return nil, err
	}
	words, err := locale.New()
	if err != nil {
		return nil, err
	}
	mailer, err := notify.NewMailer(notify.SMTP{Host: "127.0.0.1", Port: 1, From: cfg.MailFrom, TLS: notify.Plain})
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	return auth.New(db, notify.NewJobs(db, quiet), mailer, words, auth.Config{
		Issuer: cfg.PublicURL, SiteName: cfg.SiteName, Audiences: cfg.ArticleOrigins, ClientID: "membership",
		Pepper: pepper, SealingKeys: [][]byte{pepper},
	}, time.Now, quiet)
}

// get is a request, whole as it goes over the line.
func get(path, headers string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: members.example.news\r\n%s\r\n", path, headers)
}

// repeated are n letters, each of those given in turn.
func repeated(letters [][]byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = letters[i%len(letters)]
	}
	return all
}
