package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal"
)

// openDatabase answers the address of the database: the one that was named, or
// one in a private Postgres. A sandbox that keeps nothing gets one that is dropped
// in the end, so that it neither finds nor leaves anything.
func (s *sandbox) openDatabase(ctx context.Context) (url string, err error) {
	switch {
	case s.options.database == "":
		return s.startPostgres(ctx)
	case s.options.temporary:
		return s.borrowDatabase(ctx)
	}
	return s.options.database, s.claimDatabase(ctx)
}

// claimDatabase keeps a sandbox from the database of a newsroom: the named one must
// be empty, or have been this sandbox's before.
func (s *sandbox) claimDatabase(ctx context.Context) error {
	sum := sha256.Sum256([]byte(s.options.database))
	name := hex.EncodeToString(sum[:])
	if s.home.kept.Database == name {
		return nil
	}
	conn, err := pgx.Connect(ctx, s.options.database)
	if err != nil {
		return &usageError{fmt.Errorf("DATABASE_URL: %w", err)}
	}
	defer conn.Close(ctx)
	var used bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&used); err != nil {
		return fmt.Errorf("look at DATABASE_URL: %w", err)
	}
	if used {
		return &usageError{errors.New("DATABASE_URL names a database that is in use, and not by this sandbox: name an empty one, or unset DATABASE_URL and have a private Postgres")}
	}
	return s.home.keep(func(k *kept) { k.Database = name })
}

func (s *sandbox) startPostgres(ctx context.Context) (string, error) {
	options := pglocal.Options{Dir: s.home.path(postgresName), Durable: true, Log: s.log}
	if s.options.temporary {
		options = pglocal.Options{Log: s.log}
	}
	server, err := pglocal.Start(ctx, options)
	if err != nil {
		return "", err
	}
	s.atEnd(server.Stop)
	s.postgres = server.Dir()
	return server.URL(""), nil
}

func (s *sandbox) borrowDatabase(ctx context.Context) (string, error) {
	server, err := pglocal.Use(s.options.database)
	if err != nil {
		return "", &usageError{fmt.Errorf("DATABASE_URL: %w", err)}
	}
	suffix := make([]byte, 6)
	_, _ = rand.Read(suffix) // never fails: https://pkg.go.dev/crypto/rand#Read
	name := "membership_tour_" + hex.EncodeToString(suffix)
	if err := execute(ctx, server.URL(""), "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database of our own at DATABASE_URL: %w", err)
	}
	s.atEnd(func() error {
		return execute(context.WithoutCancel(ctx), server.URL(""), "DROP DATABASE "+name+" WITH (FORCE)")
	})
	return server.URL(name), nil
}

func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
