// Package models holds the rows that the service keeps in Postgres, their typed
// statuses and the few statements that more than one room needs. It decides
// nothing: who may read what is billing's, who the reader is is auth's.
package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// DB is the one handle on Postgres: GORM for rows, and the pgx pool below it for
// the job queue. Reads go through the embedded *gorm.DB, writes through Write.
type DB struct {
	*gorm.DB
	Pool *pgxpool.Pool
	sql  *sql.DB
}

// Open connects to the database at url (a postgres:// URL or a libpq DSN) with at
// most conns connections. It does not migrate.
func Open(ctx context.Context, url string, conns int32) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("read the database address: it is not a postgres:// URL")
	}
	config.MaxConns = conns
	config.ConnConfig.RuntimeParams["application_name"] = "membership"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return wrap(pool)
}

func wrap(pool *pgxpool.Pool) (*DB, error) {
	handle := stdlib.OpenDBFromPool(pool)
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: handle}), &gorm.Config{
		SkipDefaultTransaction: true,
		// Columns by name: a migration that adds one must not upset the running
		// program's prepared statements.
		QueryFields: true,
		Logger:      slowLog{},
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open gorm: %w", err)
	}
	return &DB{DB: db, Pool: pool, sql: handle}, nil
}

// Close waits for connections in use and closes them all.
func (db *DB) Close() {
	_ = db.sql.Close()
	db.Pool.Close()
}

// writeAttempts bounds how often Write starts over.
const writeAttempts = 5

// Write runs fn in one transaction and commits it. A serialization failure or a
// deadlock (SQLSTATE 40001, 40P01) runs the whole of fn again, so fn holds
// nothing but SQL: no call to Stripe, no mail, no reply to a client.
func (db *DB) Write(ctx context.Context, fn func(tx *gorm.DB) error) error {
	var err error
	for range writeAttempts {
		if err = db.writeOnce(ctx, fn); !retryable(err) {
			return err
		}
	}
	return err
}

func (db *DB) writeOnce(ctx context.Context, fn func(tx *gorm.DB) error) error {
	conn, err := db.sql.Conn(ctx)
	if err != nil {
		return fmt.Errorf("take a database connection: %w", err)
	}
	defer conn.Close()
	// Without ctx's end: database/sql would roll back at once, on a connection that
	// PgxTx's statement may be using. Each statement ends with ctx by itself.
	sqlTx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = sqlTx.Rollback() }()
	tx := db.Session(&gorm.Session{NewDB: true, Context: withConn(ctx, conn)})
	tx.Statement.ConnPool = sqlTx
	if err := fn(tx); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// NewID returns a fresh identifier: a UUID version 7, so that rows sort by age.
func NewID() uuid.UUID {
	return uuid.Must(uuid.NewV7())
}

// Strings is a list of words kept as a JSON array.
type Strings []string
