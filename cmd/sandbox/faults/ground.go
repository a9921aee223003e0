package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal"
	"newsroom.example/membership/models"
)

// ground is what rows stand on: a Postgres that keeps its promises (fsync on), and
// a migrated database in it that each row gets a copy of.
type ground struct {
	server *pglocal.Server
	dir    string
	copies atomic.Int64
}

const template = "faults_template"

// newGround starts a Postgres on a disk, not in memory: that is what fsync is for.
func newGround(ctx context.Context) (*ground, error) {
	clearDead(ctx, os.TempDir())
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", groundName, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("make a directory for postgres: %w", err)
	}
	g := &ground{dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres runs as another user where we are root
		return nil, errors.Join(err, g.close(ctx))
	}
	if g.server, err = pglocal.Start(ctx, pglocal.Options{Dir: dir + "/postgres", Durable: true}); err != nil {
		return nil, errors.Join(err, g.close(ctx))
	}
	if err := g.makeTemplate(ctx); err != nil {
		return nil, errors.Join(err, g.close(ctx))
	}
	return g, nil
}

// groundName is followed by the id of the process that stands on it.
const groundName = "membership-faults-"

// clearDead removes what harnesses left that were killed. What cannot be removed yet,
// because its Postgres is still ending, the next run finds.
func clearDead(ctx context.Context, root string) {
	left, _ := filepath.Glob(filepath.Join(root, groundName+"*-*"))
	for _, dir := range left {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), groundName), "-")
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		_ = removeGround(ctx, dir)
	}
}

func removeGround(ctx context.Context, dir string) error {
	if err := pglocal.Remove(ctx, filepath.Join(dir, "postgres")); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func (g *ground) makeTemplate(ctx context.Context) error {
	if err := g.execute(ctx, "CREATE DATABASE "+template); err != nil {
		return fmt.Errorf("make the template database: %w", err)
	}
	return models.Migrate(ctx, g.server.URL(template))
}

// database is the name of a fresh copy of the template.
func (g *ground) database(ctx context.Context) (string, error) {
	name := fmt.Sprintf("faults_%d", g.copies.Add(1))
	if err := g.execute(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY FILE_COPY"); err != nil {
		return "", fmt.Errorf("copy the template database: %w", err)
	}
	return name, nil
}

func (g *ground) drop(ctx context.Context, name string) error {
	return g.execute(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func (g *ground) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, g.server.URL(""))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

func (g *ground) close(ctx context.Context) error {
	var err error
	if g.server != nil {
		err = g.server.Stop()
	}
	return errors.Join(err, removeGround(context.WithoutCancel(ctx), g.dir))
}
