package pgtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal"
)

// templateLock is the advisory lock of all who make templates on one server: a
// number that nothing else uses.
const templateLock = 7_012_026

// template is the name of a database on s that holds the schema of files, made
// by migrate if it is not there. Test processes that share a server make it once.
func template(ctx context.Context, s *pglocal.Server, files fs.FS, migrate func(ctx context.Context, url string) error) (string, error) {
	hash, err := hashFiles(files)
	if err != nil {
		return "", err
	}
	name := "membership_template_" + hash
	return name, admin(ctx, s, func(ctx context.Context, conn *pgx.Conn) error {
		// The lock goes with the connection, so also when this process is killed.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
			return fmt.Errorf("wait for the template database: %w", err)
		}
		return ensure(ctx, conn, name, func() error { return migrate(ctx, s.URL(name)) })
	})
}

// ensure takes a template that is closed to connections for a finished one: it
// is closed last. That also keeps everybody out, since Postgres does not clone a
// database that somebody is connected to.
func ensure(ctx context.Context, conn *pgx.Conn, name string, migrate func() error) error {
	var open bool
	err := conn.QueryRow(ctx, "SELECT datallowconn FROM pg_database WHERE datname = $1", name).Scan(&open)
	if err == nil && !open {
		return nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("look for the template database: %w", err)
	}
	if err := drop(ctx, conn, name); err != nil {
		return err
	}
	if err := clone(ctx, conn, name, "template0"); err != nil {
		return err
	}
	if err := migrate(); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(name)+" WITH ALLOW_CONNECTIONS false"); err != nil {
		return fmt.Errorf("close the template database: %w", err)
	}
	return nil
}

// clone copies files where Postgres lets us choose (from 15 on): writing a small
// database through the log, the default there, takes longer.
func clone(ctx context.Context, conn *pgx.Conn, name, template string) error {
	statement := "CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(template)
	version, err := strconv.Atoi(conn.PgConn().ParameterStatus("server_version")[:2])
	if err == nil && version >= 15 {
		statement += " STRATEGY FILE_COPY"
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("create a test database: %w", err)
	}
	return nil
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop a test database: %w", err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// hashFiles changes with the name and the text of every migration.
func hashFiles(files fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}
