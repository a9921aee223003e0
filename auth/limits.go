package auth

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"gorm.io/gorm"
)

// A budget is a number of tries that fills up evenly within an hour. It lives in
// Postgres, so that any number of processes spend the same one, and is dated by the
// newsroom's clock, as the mails are that it counts.
// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

const (
	budgetPeriod = time.Hour
	// guessesPerMail is how many codes a network may try for each mail it may ask for.
	guessesPerMail = maxTries
)

// spendOne takes one try from a budget, unless @open is false or nothing is left; then
// no row changes. Waiting for the row's lock decides between two that race.
const spendOne = `
	INSERT INTO sign_in_limits AS l (key, used_until)
	SELECT @key, CAST(@now AS timestamptz) + @step * interval '1 microsecond' WHERE @open
	ON CONFLICT (key) DO UPDATE SET used_until = greatest(l.used_until, @now) + @step * interval '1 microsecond'
	WHERE greatest(l.used_until, @now) + @step * interval '1 microsecond' <= CAST(@now AS timestamptz) + @period * interval '1 microsecond'`

func (s *Service) spend(ctx context.Context, tx *gorm.DB, what, who string, perHour int, open bool) (bool, error) {
	done := tx.WithContext(ctx).Exec(spendOne, map[string]any{
		"key": s.pepper.budget(what, who), "now": s.now(), "open": open,
		"step": (budgetPeriod / time.Duration(perHour)).Microseconds(), "period": budgetPeriod.Microseconds(),
	})
	if done.Error != nil {
		return false, fmt.Errorf("count a try of %s: %w", what, done.Error)
	}
	return done.RowsAffected == 1, nil
}

// The budgets of an address. A mail about a change signs nobody in: were it counted with
// those that do, whoever has an account could keep others out of theirs.
const (
	signInMails = "mails to an address"
	changeMails = "mails about a change to an address"
)

// mayMail counts a mail with a link, by the address's budget of that name. What the
// network has no right to does not use that up: the address's owner would be locked out
// by somebody who is refused. Both statements run in any case.
func (s *Service) mayMail(ctx context.Context, tx *gorm.DB, ip, budget, email string) (bool, error) {
	network, err := s.spend(ctx, tx, "mails of a network", network(ip), s.cfg.PerNetwork, true)
	if err != nil {
		return false, err
	}
	if !network {
		s.crowded(ctx, "mails")
	}
	return s.spend(ctx, tx, budget, email, s.cfg.PerAddress, network)
}

// mayGuess counts a code. One mail's code may be tried five times and an address has
// few mails, so that only networks need a budget.
func (s *Service) mayGuess(ctx context.Context, ip string) error {
	var allowed bool
	err := s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		allowed, err = s.spend(ctx, tx, "codes of a network", network(ip), guessesPerMail*s.cfg.PerNetwork, true)
		return err
	})
	if err == nil && !allowed {
		s.crowded(ctx, "codes")
		return errTooManyTries
	}
	return err
}

// mayBegin counts a session.
func (s *Service) mayBegin(ctx context.Context, tx *gorm.DB, ip string) error {
	allowed, err := s.spend(ctx, tx, "sessions of a network", network(ip), s.cfg.PerNetwork, true)
	if err == nil && !allowed {
		s.crowded(ctx, "sessions")
		return errTooOften
	}
	return err
}

// crowded tells the operator, who may have forgotten to name a proxy: then all readers
// seem to come from one network.
func (s *Service) crowded(ctx context.Context, what string) {
	s.log.WarnContext(ctx, "a network has reached its limit: if it is that of your own proxy, see TRUSTED_PROXIES", "of", what)
}

// network is the part of an IP address that one household or office has, so that
// nobody gets another budget with each address of theirs.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	addr = addr.Unmap().WithZone("")
	bits := 56
	if addr.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}
