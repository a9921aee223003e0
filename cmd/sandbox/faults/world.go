package faults

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/oracle"
	"newsroom.example/membership/internal/pglocal"
	"newsroom.example/membership/internal/stripesim"
)

// setting is how the world of a row differs from the usual one.
type setting struct {
	nodes    int           // replicas; 0 is two
	conns    int           // connections of each; 0 is eight
	lease    time.Duration // 0 is three seconds
	cutter   bool          // a proxy before Postgres
	crashes  bool          // a Postgres of its own, to be crashed
	rate     float64       // Stripe's limit that the service keeps to, each endpoint a quarter; 0 is none to speak of
	couriers int           // deliveries at once; 0 is the simulator's own
	till     *till         // limits on payment pages; nil is none to speak of
}

// world is everything around one row: a database of its own, a simulated Stripe, a
// mail server, replicas behind one door, and a clock that all of them share.
type world struct {
	setting
	options Options
	seed    uint64
	diceMu  sync.Mutex
	dice    *rand.Rand
	dir     string // logs, kept if the row falls
	log     *slog.Logger

	clock    *Clock
	theirs   *Clock // the nodes': the same time, unless a row sets it wrong
	server   *pglocal.Server
	database string
	cutter   *cutter
	db       *pgxpool.Pool // the harness's own look into the database
	mails    *mailcatch.Catcher
	door     *door
	sim      *stripesim.Sim
	spy      *spy
	api      oracle.API
	secret   string
	nodes    []*process
	shop     shop

	owners            map[string]uuid.UUID // members by the customers that the harness made
	firsts            []string             // subscriptions that were bought first, of those bought twice
	moments           int                  // at which a row looked before its end
	injected, checked tally
	allowed           allowances
	findings          []finding
	ends              []func() error
}

const (
	membersHost = "members.news.localhost"
	newsURL     = "http://www.news.localhost:1"
)

// members is the service's own address, as browsers see it.
func (w *world) members() string { return fmt.Sprintf("http://%s:%d", membersHost, w.door.port()) }

func newWorld(ctx context.Context, g *ground, o Options, r row, dir string) (*world, error) {
	w := &world{setting: r.setting, options: o, seed: o.Seed, dir: dir}
	w.dice = rand.New(rand.NewPCG(o.Seed, 0))
	if err := w.build(ctx, g); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) build(ctx context.Context, g *ground) error {
	for _, step := range []func() error{
		w.openLog, w.openClock,
		func() error { return w.openDatabase(ctx, g) },
		w.openMails, w.openDoor,
		func() error { return w.openStripe(ctx) },
		func() error { return w.openShop(ctx) },
		func() error { return w.startNodes(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) atEnd(end func() error) { w.ends = append(w.ends, end) }

// close ends everything, the last first. Nodes that still run are killed.
func (w *world) close() error {
	var errs []error
	for i := range w.nodes {
		w.kill(i)
	}
	for _, end := range slices.Backward(w.ends) {
		if err := end(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	w.ends = nil
	return errors.Join(errs...)
}

func (w *world) openLog() error {
	file, err := os.OpenFile(filepath.Join(w.dir, "harness.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of a row: %w", err)
	}
	w.atEnd(file.Close)
	w.log = slog.New(slog.NewJSONHandler(file, nil))
	return nil
}

func (w *world) openClock() (err error) {
	if w.clock, err = OpenClock(filepath.Join(w.dir, "clock")); err != nil {
		return err
	}
	w.atEnd(w.clock.Close)
	if w.theirs, err = OpenClock(w.nodeClock()); err != nil {
		return err
	}
	w.atEnd(w.theirs.Close)
	return nil
}

func (w *world) nodeClock() string { return filepath.Join(w.dir, "clock-of-nodes") }

func (w *world) openDatabase(ctx context.Context, g *ground) (err error) {
	if w.crashes {
		if g, err = newGround(ctx); err != nil {
			return err
		}
		w.atEnd(func() error { return g.close(context.WithoutCancel(ctx)) })
	}
	if w.database, err = g.database(ctx); err != nil {
		return err
	}
	w.server = g.server
	w.atEnd(func() error { return g.drop(context.WithoutCancel(ctx), w.database) })
	config, err := pgxpool.ParseConfig(w.server.URL(w.database))
	if err != nil {
		return err
	}
	config.MaxConns = 4
	if w.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	w.atEnd(func() error { w.db.Close(); return nil })
	if w.setting.cutter {
		if w.cutter, err = openCutter(w.server.URL(w.database), w.seed); err != nil {
			return err
		}
		w.atEnd(w.cutter.close)
	}
	return nil
}

func (w *world) openMails() (err error) {
	if w.mails, err = mailcatch.Start("127.0.0.1:0"); err != nil {
		return err
	}
	w.atEnd(w.mails.Close)
	return nil
}

func (w *world) openDoor() (err error) {
	if w.door, err = openDoor(); err != nil {
		return err
	}
	w.atEnd(w.door.close)
	return nil
}

func (w *world) openStripe(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.api = oracle.API{Key: stripeKey, Base: "http://" + listener.Addr().String(), Client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
	w.sim, err = stripesim.New(stripesim.Config{Clock: w.clock.Now, Log: w.log, Couriers: w.couriers})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.atEnd(w.sim.Close)
	w.spy = &spy{next: w.sim, db: w.db, name: w.database}
	server := &http.Server{Handler: w.spy, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	w.atEnd(server.Close)
	ticking, stop := context.WithCancel(ctx)
	go w.sim.Run(ticking)
	w.atEnd(func() error { stop(); return nil })
	w.secret, err = w.sim.Listen(w.endpoint())
	return err
}

// own notes whose customer this is.
func (w *world) own(customer string, member uuid.UUID) {
	if w.owners == nil {
		w.owners = map[string]uuid.UUID{}
	}
	w.owners[customer] = member
}
