package limits_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/limits"
	"newsroom.example/membership/models"
)

// till is a budget as two processes see it, on a clock that the test moves.
type till struct {
	t         *testing.T
	db        *models.DB
	now       atomic.Int64
	processes [2]*limits.Limiter
}

func open(t *testing.T) *till {
	t.Helper()
	b := &till{t: t, db: pgtest.Open(t)}
	b.now.Store(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixNano())
	for i := range b.processes {
		b.processes[i] = limits.New([]byte("pepper"), func() time.Time { return time.Unix(0, b.now.Load()) })
	}
	return b
}

// spend tries so often at once, and says how often there was something left.
func (b *till) spend(budget limits.Budget, times int) int {
	b.t.Helper()
	var taken atomic.Int64
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() {
			err := b.db.Write(b.t.Context(), func(tx *gorm.DB) error {
				ok, err := b.processes[i%2].Spend(b.t.Context(), tx, budget, true)
				if ok {
					taken.Add(1)
				}
				return err
			})
			if err != nil {
				b.t.Error(err)
			}
		})
	}
	all.Wait()
	return int(taken.Load())
}

func (b *till) wait(budget limits.Budget) time.Duration {
	b.t.Helper()
	wait, err := b.processes[0].Wait(b.t.Context(), b.db.DB, budget)
	if err != nil {
		b.t.Fatal(err)
	}
	return wait
}

func (b *till) want(what string, got, want any) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestProcessesSpendOneBudgetThatFillsUpEvenly(t *testing.T) {
	t.Parallel()
	b := open(t)
	pages := limits.Budget{What: "pages", Who: "ada", PerHour: 10}
	b.want("the wait at first", b.wait(pages), time.Duration(0))
	b.want("of 100 at once", b.spend(pages, 100), 10)
	b.want("the wait", b.wait(pages), 6*time.Minute)
	b.now.Add(int64(6*time.Minute - time.Microsecond))
	b.want("a moment too soon", b.spend(pages, 2), 0)
	b.want("the wait then", b.wait(pages), time.Microsecond)
	b.now.Add(int64(time.Microsecond))
	b.want("at its time", b.spend(pages, 2), 1)
	b.now.Add(int64(5 * time.Hour))
	b.want("after a long while", b.spend(pages, 40), 10)
}

func TestBudgetsAreEachTheirOwn(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, budget := range []limits.Budget{
		{What: "pages", Who: "ada", PerHour: 1}, {What: "pages", Who: "bob", PerHour: 1}, {What: "mails", Who: "ada", PerHour: 1},
		{What: "pages a", Who: "da", PerHour: 1}, {What: `pages" "`, Who: "ada", PerHour: 1},
	} {
		b.want(budget.What+" of "+budget.Who, b.spend(budget, 3), 1)
	}
}

func TestWhatIsTakenBackIsNotSpent(t *testing.T) {
	t.Parallel()
	b := open(t)
	one := limits.Budget{What: "pages", Who: "ada", PerHour: 1}
	for range 3 {
		tx := b.db.Begin()
		ok, err := b.processes[0].Spend(t.Context(), tx, one, true)
		if err != nil || !ok {
			t.Fatalf("%t, %v", ok, err)
		}
		tx.Rollback()
	}
	closed, err := b.processes[0].Spend(t.Context(), b.db.DB, one, false)
	if err != nil || closed {
		t.Errorf("spent from a closed budget: %t, %v", closed, err)
	}
	b.want("what is left", b.spend(one, 3), 1)
}
