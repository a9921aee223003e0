package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"slices"

	"github.com/alecthomas/kong"

	"newsroom.example/membership/cmd/service"
)

type cli struct {
	Serve       serveCmd       `cmd:"" help:"Run the service until SIGTERM."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database to this version's schema."`
	Config      configCmd      `cmd:"" help:"The configuration."`
	Catalog     catalogCmd     `cmd:"" help:"What the newsroom sells and takes."`
	Healthcheck healthcheckCmd `cmd:"" help:"Exit 0 if the service on this machine answers (for containers)."`

	As string `placeholder:"NAME" help:"Who is doing this, for the audit log (default: the system's user name)."`
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Name everything that is wrong with the configuration, with an example."`
}

type catalogCmd struct {
	Apply catalogApplyCmd `cmd:"" help:"Bring Stripe and the database to a catalogue file. Example: membership catalog apply catalog.yaml --dry-run"`
}

// streams are where a command reads its settings and writes its words.
type streams struct {
	ctx            context.Context
	environ        []string
	stdout, stderr io.Writer
	actor          string // who is doing this, for the audit log
}

const description = `Memberships and donations for a news site.

Everything is configured by the environment; "membership config check" names what is missing.`

func dispatch(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	exited := false
	var line cli
	parser, err := kong.New(&line, kong.Name("membership"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }), kong.UsageOnError())
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited {
		return nil // --help has said it all
	}
	if err != nil {
		return &usageError{fmt.Errorf("%w\nTry: membership --help", err)}
	}
	return command.Run(&streams{ctx, environ, stdout, stderr, actor(line.As)})
}

// actor is who the audit log will name.
func actor(as string) string {
	if as == "" {
		as = "unknown"
		if known, err := user.Current(); err == nil {
			as = known.Username
		}
	}
	return "cli:" + as
}

// config reads the environment and refuses to go on with a faulty one.
func (s *streams) config() (service.Config, error) {
	cfg, err := readConfig(s.environ)
	var wrong *unreadableError
	if err != nil && !errors.As(err, &wrong) {
		return cfg, &usageError{err}
	}
	faults := cfg.Faults()
	if wrong != nil {
		faults = append(wrong.faults, slices.DeleteFunc(faults, wrong.names)...)
	}
	if len(faults) > 0 {
		return cfg, &usageError{faultsError(faults)}
	}
	return cfg, nil
}

func (s *streams) logger(cfg service.Config) (*slog.Logger, error) {
	log, err := service.Logger(s.stderr, cfg)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(log)
	return log, nil
}
