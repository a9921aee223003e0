package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

type connKey struct{}

func withConn(ctx context.Context, conn *sql.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// PgxTx shows the transaction that Write opened as a pgx.Tx, so that the job queue
// can insert in the same commit. It is valid only inside that Write; Commit and
// Rollback of the view are refused, because the transaction is Write's.
func PgxTx(tx *gorm.DB) (pgx.Tx, error) {
	conn, ok := tx.Statement.Context.Value(connKey{}).(*sql.Conn)
	if !ok {
		return nil, errors.New("not inside models.DB.Write")
	}
	var under *pgx.Conn
	err := conn.Raw(func(driver any) error {
		under = driver.(*stdlib.Conn).Conn()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reach the transaction's connection: %w", err)
	}
	return pgxTx{under}, nil
}

// pgxTx is a window on a connection with an open transaction that somebody else
// ends.
type pgxTx struct{ conn *pgx.Conn }

var errNotOurs = errors.New("this transaction is ended by models.DB.Write")

func (t pgxTx) Commit(context.Context) error   { return errNotOurs }
func (t pgxTx) Rollback(context.Context) error { return errNotOurs }
func (t pgxTx) Conn() *pgx.Conn                { return t.conn }

func (t pgxTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

func (t pgxTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, rows)
}

func (t pgxTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}

func (t pgxTx) Prepare(ctx context.Context, name, query string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, query)
}

func (t pgxTx) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, query, args...)
}

func (t pgxTx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, query, args...)
}

func (t pgxTx) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, query, args...)
}

// Begin opens a savepoint.
func (t pgxTx) Begin(ctx context.Context) (pgx.Tx, error) {
	if _, err := t.conn.Exec(ctx, "SAVEPOINT pgx_view"); err != nil {
		return nil, err
	}
	return &savepoint{pgxTx: t}, nil
}

// savepoint is a nested transaction inside a pgxTx.
type savepoint struct {
	pgxTx
	ended bool
}

func (s *savepoint) Commit(ctx context.Context) error {
	return s.end(ctx, "RELEASE SAVEPOINT pgx_view")
}

func (s *savepoint) Rollback(ctx context.Context) error {
	return s.end(ctx, "ROLLBACK TO SAVEPOINT pgx_view")
}

func (s *savepoint) end(ctx context.Context, statement string) error {
	if s.ended {
		return pgx.ErrTxClosed
	}
	s.ended = true
	_, err := s.conn.Exec(ctx, statement)
	return err
}
