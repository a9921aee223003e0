package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// Jobs is the job queue: rows in Postgres, worked by the service's own processes.
// It runs on real time. A job is delivered at least once; its arguments and the
// texts of its errors stay in the database for days, so that neither may hold a
// secret or an address.
type Jobs struct {
	client  *river.Client[pgx.Tx]
	workers *river.Workers
}

const (
	// jobWorkers is how many jobs one process runs at once. Each may hold a
	// database connection, and readers come first.
	jobWorkers = 4
	jobTimeout = time.Minute
	// rescueAfter is when the job of a process that died is given to another. A
	// sign-in mail that comes after a quarter of an hour is useless.
	rescueAfter = 3 * time.Minute
	// hardStop is how long a job may take to notice that its context has ended.
	hardStop = 5 * time.Second
)

// JobsOption changes how Jobs works.
type JobsOption func(*river.Config)

// PollOnly looks for jobs once a second instead of listening for them, because
// pgBouncer in transaction mode passes no notifications on.
func PollOnly() JobsOption { return func(c *river.Config) { c.PollOnly = true } }

// NewJobs makes the queue on db's pool. It can enqueue at once; it works jobs from
// Start to Stop, if AddWorker was called before.
func NewJobs(db *models.DB, log *slog.Logger, options ...JobsOption) *Jobs {
	workers := river.NewWorkers()
	config := &river.Config{
		Logger:               log,
		Workers:              workers,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: jobWorkers}},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
	}
	for _, option := range options {
		option(config)
	}
	client, err := river.NewClient(riverpgxv5.New(db.Pool), config)
	if err != nil {
		panic(fmt.Errorf("make the job client: %w", err)) // only a faulty constant above can do that
	}
	return &Jobs{client: client, workers: workers}
}

// AddWorker says what does jobs of T's kind. It must come before Start, once per
// kind. An error of work puts the job back for later; one that wraps ErrRefused
// cancels it, because another try would be answered the same.
func AddWorker[T river.JobArgs](j *Jobs, work func(ctx context.Context, args T) error) {
	river.AddWorker(j.workers, river.WorkFunc(func(ctx context.Context, job *river.Job[T]) error {
		err := work(ctx, job.Args)
		if errors.Is(err, ErrRefused) {
			return river.JobCancel(err)
		}
		return err
	}))
}

// Enqueue adds a job that exists if, and only if, tx commits. tx is the one that
// models.DB.Write passed on. opts may be nil.
func (j *Jobs) Enqueue(ctx context.Context, tx *gorm.DB, args river.JobArgs, opts *river.InsertOpts) error {
	view, err := models.PgxTx(tx)
	if err != nil {
		return fmt.Errorf("enqueue a %s job: %w", args.Kind(), err)
	}
	if _, err := j.client.InsertTx(ctx, view, args, opts); err != nil {
		return fmt.Errorf("enqueue a %s job: %w", args.Kind(), err)
	}
	return nil
}

// Start begins to work jobs and returns. Only Stop ends that: the end of ctx does
// not, because jobs outlive the signal to shut down until the last page is served.
func (j *Jobs) Start(ctx context.Context) error {
	if err := j.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job client: %w", err)
	}
	return nil
}

// Stop takes no new jobs and waits for those that run. When ctx ends first, their
// contexts are cancelled; they are tried again by whoever starts next.
func (j *Jobs) Stop(ctx context.Context) error {
	if err := j.client.Stop(ctx); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
	defer cancel()
	if err := j.client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stop the job client: %w", err)
	}
	return nil
}
