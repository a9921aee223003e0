package auth

import (
	"context"

	"gorm.io/gorm"

	"newsroom.example/membership/limits"
)

// guessesPerMail is how many codes a network may try for each mail it may ask for.
const guessesPerMail = maxTries

func (s *Service) spend(ctx context.Context, tx *gorm.DB, what, who string, perHour int, open bool) (bool, error) {
	return s.limits.Spend(ctx, tx, limits.Budget{What: what, Who: who, PerHour: perHour}, open)
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
	network, err := s.spend(ctx, tx, "mails of a network", limits.Network(ip), s.cfg.PerNetwork, true)
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
		allowed, err = s.spend(ctx, tx, "codes of a network", limits.Network(ip), guessesPerMail*s.cfg.PerNetwork, true)
		return err
	})
	if err == nil && !allowed {
		s.crowded(ctx, "codes")
		return errTooManyTries
	}
	return err
}

// mayFail counts a client's credentials that were wrong. Right ones are never refused:
// they cannot be guessed, and readers stand behind them.
func (s *Service) mayFail(ctx context.Context, ip string) error {
	var allowed bool
	err := s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		allowed, err = s.spend(ctx, tx, "wrong credentials of a network", limits.Network(ip), s.cfg.PerNetwork, true)
		return err
	})
	if err == nil && !allowed {
		s.crowded(ctx, "wrong credentials")
		return errClientLimited
	}
	return err
}

// mayBegin counts a session.
func (s *Service) mayBegin(ctx context.Context, tx *gorm.DB, ip string) error {
	allowed, err := s.spend(ctx, tx, "sessions of a network", limits.Network(ip), s.cfg.PerNetwork, true)
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
