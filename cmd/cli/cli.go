// Package cli is the command line of the service: what is typed, what is printed,
// and with which code it ends. It decides nothing about money or access. It is a
// package, and not the program itself, so that the sandbox can run it on a clock
// that moves.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/locale"
)

type cli struct {
	Serve       serveCmd       `cmd:"" help:"Run the service until SIGTERM."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database to this version's schema."`
	Config      configCmd      `cmd:"" help:"The configuration."`
	Catalog     catalogCmd     `cmd:"" help:"What the newsroom sells and takes."`
	Stripe      stripeCmd      `cmd:"" help:"The newsroom's account at Stripe."`
	Members     membersCmd     `cmd:"" help:"Find members, see everything about one, and make two one."`
	Explain     explainCmd     `cmd:"" help:"What a member may read, what not, and why, as of any date."`
	Grants      grantsCmd      `cmd:"" help:"Access with our compliments."`
	Refund      refundCmd      `cmd:"" help:"Give a payment back, whole or in part, and say first what it does."`
	Audit       auditCmd       `cmd:"" help:"What was done by hand, by whom and why."`
	Policy      policyCmd      `cmd:"" help:"What money events do to access."`
	Events      eventsCmd      `cmd:"" help:"What Stripe told us, what is not synced, and how to sync it again."`
	Errands     errandsCmd     `cmd:"" help:"What we owe Stripe: cancellations and refunds, and those that wait for you."`
	Reconcile   reconcileCmd   `cmd:"" help:"Go through Stripe's own lists now, and find what no event told."`
	Keys        keysCmd        `cmd:"" help:"The keys that sign access tokens."`
	Clients     clientsCmd     `cmd:"" help:"Article services on domains of their own."`
	Doctor      doctorCmd      `cmd:"" help:"Stripe beside our books, difference by difference, in words."`
	Healthcheck healthcheckCmd `cmd:"" help:"Exit 0 if the service on this machine answers (for containers)."`

	As string `placeholder:"NAME" help:"Who is doing this, for the audit log (default: the system's user name)."`
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Name everything that is wrong with the configuration, with an example."`
}

type membersCmd struct {
	Find  membersFindCmd  `cmd:"" help:"Find members by a part of their address, or by any id."`
	Show  membersShowCmd  `cmd:"" help:"Everything about one member."`
	Merge membersMergeCmd `cmd:"" help:"Give what one member bought to another, who is the same person."`
}

type eventsCmd struct {
	List   eventsListCmd   `cmd:"" help:"The newest events; or what is pending, failing or given up."`
	Show   eventsShowCmd   `cmd:"" help:"One event, or one customer's sync."`
	Replay eventsReplayCmd `cmd:"" help:"Have customers synced once more."`
}

type errandsCmd struct {
	List    errandsListCmd    `cmd:"" help:"Those that wait for a decision, or are owed, done or refused."`
	Approve errandsApproveCmd `cmd:"" help:"Have one carried out."`
	Dismiss errandsDismissCmd `cmd:"" help:"Leave one be."`
}

type grantsCmd struct {
	Add grantsAddCmd `cmd:"" help:"Give a member a plan, with a reason and an end."`
	End grantsEndCmd `cmd:"" help:"End a grant that was given by hand."`
}

type policyCmd struct {
	Show    policyShowCmd    `cmd:"" help:"The policy in force, row by row."`
	Preview policyPreviewCmd `cmd:"" help:"Who would gain or lose what under a catalogue file's policy."`
}

type catalogCmd struct {
	Apply catalogApplyCmd `cmd:"" help:"Bring Stripe and the database to a catalogue file. Example: membership catalog apply catalog.yaml --dry-run"`
}

// streams are where a command reads its settings and writes its words.
type streams struct {
	ctx            context.Context
	environ        []string
	stdout, stderr io.Writer
	clocks         service.Clocks
	actor          string // who is doing this, for the audit log
	words          locale.Locale
}

const description = `Memberships and donations for a news site.

Everything is configured by the environment; "membership config check" names what is missing.`

// Run is the whole program: what it prints, and its exit code. 2 means that the
// command line or the configuration is wrong, 1 that the work failed.
func Run(ctx context.Context, args, environ []string, stdout, stderr io.Writer, clocks service.Clocks) int {
	err := dispatch(args, &streams{ctx: ctx, environ: environ, stdout: stdout, stderr: stderr, clocks: clocks})
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "membership:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "membership:", err)
		return 1
	}
}

// usageError is a mistake of whoever typed the command or wrote the
// configuration.
type usageError struct{ error }

func dispatch(args []string, s *streams) error {
	exited := false
	var line cli
	parser, err := kong.New(&line, kong.Name("membership"), kong.Description(description),
		kong.Writers(s.stdout, s.stderr), kong.Exit(func(int) { exited = true }), kong.UsageOnError())
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
	words, err := locale.New()
	if err != nil {
		return err
	}
	if strings.Contains(line.As, "@") {
		return &usageError{errors.New("--as: please give a name without an e-mail address, such as ada or night-shift. It stays in the audit log for good")}
	}
	s.actor, s.words = actor(line.As), words.For("en")
	return s.inWords(command.Run(s))
}

// actor is who the audit log will name: never by an address, which some systems take
// for a user's name.
func actor(as string) string {
	if as == "" {
		as = "unknown"
		if known, err := user.Current(); err == nil {
			as, _, _ = strings.Cut(known.Username, "@")
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

// configOf is config for what needs only some of the settings, because it comes
// before the service can start.
func (s *streams) configOf(names ...string) (service.Config, error) {
	cfg, err := readConfig(s.environ)
	if err != nil {
		return cfg, &usageError{err}
	}
	faults := slices.DeleteFunc(cfg.Faults(), func(f service.Fault) bool { return !slices.Contains(names, f.Name) })
	if len(faults) > 0 {
		return cfg, &usageError{faultsError(faults)}
	}
	return cfg, nil
}

// billing opens what the commands of support need.
func (s *streams) billing() (*billing.Service, func(), error) {
	cfg, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	log, err := s.logger(cfg)
	if err != nil {
		return nil, nil, err
	}
	return service.OpenBilling(s.ctx, cfg, s.clocks, log)
}

// inWords says a refusal of billing's as the catalogue does, with the fault behind
// it, which billing has cleared of what is personal. Other errors have their words.
func (s *streams) inWords(err error) error {
	var refused *billing.Error
	if !errors.As(err, &refused) {
		return err
	}
	text := s.words.Text("error."+refused.Code, refused.Data)
	if refused.Err != nil {
		text += fmt.Sprintf(" (%v)", refused.Err)
	}
	return errors.New(text)
}

func (s *streams) logger(cfg service.Config) (*slog.Logger, error) {
	log, err := service.Logger(s.stderr, cfg)
	if err != nil {
		return nil, err
	}
	slog.SetDefault(log)
	return log, nil
}
