package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

const patience = 30 * time.Second

type errand struct {
	Secret string `json:"secret"`
}

func (errand) Kind() string { return "errand" }

// logbook is a log that a test reads while others write.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// office is a running queue whose errands are done by work.
func office(t *testing.T, work func(context.Context, errand) error, options ...notify.JobsOption) (*models.DB, *notify.Jobs, *logbook) {
	t.Helper()
	db, log := pgtest.Open(t), new(logbook)
	jobs := notify.NewJobs(db, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), options...)
	notify.AddWorker(jobs, work)
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, jobs) })
	return db, jobs, log
}

func stop(t *testing.T, jobs *notify.Jobs) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := jobs.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func enqueue(t *testing.T, db *models.DB, jobs *notify.Jobs, args errand) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *gorm.DB) error { return jobs.Enqueue(t.Context(), tx, args, nil) })
	if err != nil {
		t.Fatal(err)
	}
}

// receive is the next value of ch, which should come at once.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestCommittedJobRuns(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]notify.JobsOption{"listening": nil, "polling": {notify.PollOnly()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan string, 8)
			db, jobs, _ := office(t, func(_ context.Context, e errand) error { done <- e.Secret; return nil }, options...)
			enqueue(t, db, jobs, errand{"one"})
			if got := receive(t, done); got != "one" {
				t.Errorf("ran %q", got)
			}
		})
	}
}

func TestJobEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	jobs := notify.NewJobs(db, slog.New(slog.DiscardHandler))
	notify.AddWorker(jobs, func(context.Context, errand) error { return nil })
	changed := errors.New("changed my mind")
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		if err := jobs.Enqueue(t.Context(), tx, errand{"never"}, nil); err != nil {
			t.Error(err)
		}
		return changed
	})
	if !errors.Is(err, changed) {
		t.Error(err)
	}
	var n int
	if err := db.Raw(`SELECT count(*) FROM river_job`).Scan(&n).Error; err != nil || n != 0 {
		t.Errorf("%d jobs, %v", n, err)
	}
	if err := jobs.Enqueue(t.Context(), db.DB, errand{"never"}, nil); err == nil {
		t.Error("enqueued outside a transaction")
	}
}

func TestFailedJobIsTriedAgain(t *testing.T) {
	t.Parallel()
	tries := make(chan int32, 8)
	var count atomic.Int32
	db, jobs, _ := office(t, func(context.Context, errand) error {
		try := count.Add(1)
		tries <- try
		if try == 1 {
			return errors.New("not now")
		}
		return nil
	})
	enqueue(t, db, jobs, errand{"x"})
	receive(t, tries)
	if got := receive(t, tries); got != 2 {
		t.Errorf("try %d", got)
	}
}

func TestRefusedJobIsCancelled(t *testing.T) {
	t.Parallel()
	done := make(chan struct{}, 8)
	db, jobs, _ := office(t, func(context.Context, errand) error {
		done <- struct{}{}
		return fmt.Errorf("send: %w", notify.ErrRefused)
	})
	enqueue(t, db, jobs, errand{"x"})
	receive(t, done)
	stop(t, jobs) // what became of the job is written by then
	var state string
	if err := db.Raw(`SELECT state || ' ' || attempt FROM river_job`).Scan(&state).Error; err != nil || state != "cancelled 1" {
		t.Errorf("the job is %s, %v", state, err)
	}
}

func TestLogHoldsNoArguments(t *testing.T) {
	t.Parallel()
	done := make(chan struct{}, 8)
	var count atomic.Int32
	db, jobs, log := office(t, func(context.Context, errand) error {
		done <- struct{}{}
		if count.Add(1) == 1 {
			panic("tripped")
		}
		return errors.New("not now")
	})
	enqueue(t, db, jobs, errand{"hush-hush"})
	receive(t, done)
	receive(t, done)
	stop(t, jobs)
	if got := log.String(); !strings.Contains(got, "not now") || strings.Contains(got, "hush-hush") {
		t.Errorf("the log is\n%s", got)
	}
}

func TestStopWaitsForRunningJobs(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	db, jobs, _ := office(t, func(ctx context.Context, _ errand) error {
		close(begun)
		<-finish
		return ctx.Err()
	})
	enqueue(t, db, jobs, errand{"x"})
	receive(t, begun)
	stopped := make(chan struct{})
	go func() { stop(t, jobs); close(stopped) }()
	select {
	case <-stopped:
		t.Error("did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	receive(t, stopped)
	var state string
	if err := db.Raw(`SELECT state FROM river_job`).Scan(&state).Error; err != nil || state != "completed" {
		t.Errorf("the job is %s, %v", state, err)
	}
}

func TestStopCancelsWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	db, jobs, _ := office(t, func(ctx context.Context, _ errand) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	enqueue(t, db, jobs, errand{"x"})
	receive(t, begun)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := jobs.Stop(ctx); err != nil {
		t.Error(err)
	}
	var state string
	if err := db.Raw(`SELECT state FROM river_job`).Scan(&state).Error; err != nil || state == "completed" || state == "running" {
		t.Errorf("the job is %s, %v", state, err)
	}
}

// The signal that ends the service ends the context of Start; jobs go on until Stop.
func TestStartOutlivesItsContext(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	jobs := notify.NewJobs(db, slog.New(slog.DiscardHandler))
	done := make(chan struct{}, 1)
	notify.AddWorker(jobs, func(context.Context, errand) error { done <- struct{}{}; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	if err := jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, jobs) })
	cancel()
	enqueue(t, db, jobs, errand{"x"})
	receive(t, done)
}
