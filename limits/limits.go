// Package limits counts how often something was asked for, so that nobody asks for it
// too often: budgets in Postgres, which any number of processes spend together. It
// knows neither what it counts nor what whoever is refused is told.
package limits

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Budget is how many tries at What one asker has an hour. It begins full and fills up
// evenly: a try comes back each hour/PerHour.
// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
type Budget struct {
	What, Who string
	PerHour   int // at least 1
}

const period = time.Hour

// step is how long a budget takes to get one try back.
func (b Budget) step() time.Duration { return period / time.Duration(b.PerHour) }

// Limiter spends budgets. It is safe for concurrent use.
type Limiter struct {
	key   []byte
	clock func() time.Time
}

// New makes a limiter. Its rows are HMACs under key over whom they count, so that the
// table names nobody; processes that share budgets need the same one. The clock is the
// newsroom's, as what is counted is dated by it.
func New(key []byte, clock func() time.Time) *Limiter { return &Limiter{key, clock} }

// spendOne takes one try from a budget, unless @open is false or nothing is left; then
// no row changes. Waiting for the row's lock decides between two that race.
const spendOne = `
	INSERT INTO sign_in_limits AS l (key, used_until)
	SELECT @key, CAST(@now AS timestamptz) + @step * interval '1 microsecond' WHERE @open
	ON CONFLICT (key) DO UPDATE SET used_until = greatest(l.used_until, @now) + @step * interval '1 microsecond'
	WHERE greatest(l.used_until, @now) + @step * interval '1 microsecond' <= CAST(@now AS timestamptz) + @period * interval '1 microsecond'`

// Spend takes one try and says whether there was one. With open false it takes none,
// by the same statement, so that nobody can tell by the time it takes. What is spent in
// a transaction that is rolled back is not spent. The row stays locked until tx ends:
// who spends from several budgets does so in one order everywhere.
func (l *Limiter) Spend(ctx context.Context, tx *gorm.DB, b Budget, open bool) (bool, error) {
	done := tx.WithContext(ctx).Exec(spendOne, map[string]any{
		"key": l.row(b), "now": l.now(), "open": open, "step": b.step().Microseconds(), "period": period.Microseconds(),
	})
	if done.Error != nil {
		return false, fmt.Errorf("count a try of %s: %w", b.What, done.Error)
	}
	return done.RowsAffected == 1, nil
}

// Wait is how long it takes until the budget has a try again; 0: it has one.
func (l *Limiter) Wait(ctx context.Context, tx *gorm.DB, b Budget) (time.Duration, error) {
	var usedUntil time.Time
	now := l.now()
	err := tx.WithContext(ctx).Raw("SELECT coalesce(max(used_until), ?) FROM sign_in_limits WHERE key = ?", now, l.row(b)).Scan(&usedUntil).Error
	if err != nil {
		return 0, fmt.Errorf("look when there is a try of %s again: %w", b.What, err)
	}
	return max(usedUntil.Add(b.step()-period).Sub(now), 0), nil
}

// row is the key of a budget's row. Quoting keeps What and Who apart.
func (l *Limiter) row(b Budget) []byte {
	mac := hmac.New(sha256.New, l.key)
	fmt.Fprintf(mac, "budget %q %q", b.What, b.Who)
	return mac.Sum(nil)
}

// now is as fine as Postgres keeps it.
func (l *Limiter) now() time.Time { return l.clock().UTC().Truncate(time.Microsecond) }
