package models

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the pgx driver for goose
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations is every fact that we keep, with its constraints: the SQL files of
// models/migrations, in order.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Migrate brings the database at url to the newest schema. Any number of
// processes may call it at once: an advisory lock lets one through at a time.
func Migrate(ctx context.Context, url string) error {
	return withProvider(url, func(p *goose.Provider) error {
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		return nil
	})
}

// MigrateDown takes every table away again. Only tests call it.
func MigrateDown(ctx context.Context, url string) error {
	return withProvider(url, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}

// ErrSchemaBehind says that `membership migrate` has not been run since the last
// update.
var ErrSchemaBehind = errors.New("the database schema is older than this program: run `membership migrate`")

// SchemaCurrent returns ErrSchemaBehind while migrations are missing. A schema
// that is newer than the program is fine: migrations run under old and new code.
func (db *DB) SchemaCurrent(ctx context.Context) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	var version sql.NullInt64
	err = db.Pool.QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if err != nil && undefinedTable(err) {
		return ErrSchemaBehind
	}
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version.Int64 < newest {
		return ErrSchemaBehind
	}
	return nil
}

func newestMigration() (int64, error) {
	files, err := fs.Glob(Migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	return goose.NumericComponent(files[len(files)-1])
}

func withProvider(url string, use func(*goose.Provider) error) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("open the database to migrate: %w", err)
	}
	defer db.Close()
	files, err := fs.Sub(Migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("make the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	return use(provider)
}
