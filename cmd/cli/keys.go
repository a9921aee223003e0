package cli

import (
	"fmt"
	"io"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/models"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"The keys that sign access tokens, and what becomes of each when."`
	Rotate keysRotateCmd `cmd:"" help:"Have the next key sign from now on; no reader notices."`
	Revoke keysRevokeCmd `cmd:"" help:"Take a key that has leaked out of the published ones, at once."`
	Rewrap keysRewrapCmd `cmd:"" help:"Seal every private key under the first of SEALING_KEYS."`
}

// keys opens what these commands need, which is little: they must work when the rest
// does not.
func (s *streams) keys() (*auth.Keyring, func(), error) {
	cfg, err := s.configOf("DATABASE_URL", "DATABASE_CONNS", "SEALING_KEYS", "TOKEN_ALGORITHM", "LOG_LEVEL")
	if err != nil {
		return nil, nil, err
	}
	log, err := s.logger(cfg)
	if err != nil {
		return nil, nil, err
	}
	return service.OpenKeys(s.ctx, cfg, s.clocks, log)
}

type keysListCmd struct {
	JSON bool `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (keysListCmd) Help() string {
	return `A key is pending (published, not yet signing), active, retiring (until its last token is dead),
retired or revoked. One is always waiting. The service rotates them every 90 days by itself.

Example: membership keys list`
}

// Run lists the keys.
func (c keysListCmd) Run(s *streams) error {
	keys, done, err := s.keys()
	if err != nil {
		return err
	}
	defer done()
	all, err := keys.List(s.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(s.stdout, "There are no keys yet: the service makes them when it starts.")
	}
	s.table(func(w io.Writer) {
		for _, key := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\tsince %s\t%s\n", key.Kid, key.Algorithm, key.State, shown(key.Since), nextWords(key))
		}
	})
	return nil
}

func nextWords(key auth.KeyInfo) string {
	if key.Next == nil {
		return ""
	}
	return map[models.KeyState]string{
		models.KeyPending: "may sign from ", models.KeyActive: "next rotation ", models.KeyRetiring: "published until ",
	}[key.State] + shown(*key.Next)
}

type keysRotateCmd struct {
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	Yes    bool   `help:"Do it. Without, it only says what it would do."`
}

// Help is kong's long help.
func (keysRotateCmd) Help() string {
	return `The next key signs, if it has been published for a day; the present one verifies until its last
token is dead. The service does the same every 90 days. If a key has leaked, revoke it instead.

Example: membership keys rotate --reason 'Somebody who knew the machines has left'`
}

// Run says what it does, and does it if told to.
func (c keysRotateCmd) Run(s *streams) error {
	return s.changeKeys(c.Yes, "Every process follows within seconds. No reader notices.",
		func(keys *auth.Keyring) ([]auth.KeyStep, error) { return keys.PlanRotation(s.ctx) },
		func(keys *auth.Keyring) ([]auth.KeyStep, error) {
			return keys.Rotate(s.ctx, auth.Why{Actor: s.actor, Reason: c.Reason})
		})
}

type keysRevokeCmd struct {
	Kid    string `arg:"" help:"The key's id, from the list."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	Yes    bool   `help:"Do it. Without, it only says what it would do."`
}

// Help is kong's long help.
func (keysRevokeCmd) Help() string {
	return `For a private key that has leaked. The key leaves the published ones at once and for good; if it
was the active one, the next signs, however short it has been published.

Example: membership keys revoke 9sWz… --reason 'In a backup that was stolen'`
}

// seenByReaders is what a revocation looks like from outside.
const seenByReaders = `Every process follows within seconds; article services within five minutes, those that are cut off
within a day (their MaxStale). Readers with a token of this key are sent to the members service once,
and come back with a new one; who has a session notices nothing. Where the next key is younger than
the keys that an article service holds, its readers may meet the wall until it has fetched them anew.`

// Run says what it does, and does it if told to.
func (c keysRevokeCmd) Run(s *streams) error {
	return s.changeKeys(c.Yes, seenByReaders,
		func(keys *auth.Keyring) ([]auth.KeyStep, error) { return keys.PlanRevocation(s.ctx, c.Kid) },
		func(keys *auth.Keyring) ([]auth.KeyStep, error) {
			return keys.Revoke(s.ctx, c.Kid, auth.Why{Actor: s.actor, Reason: c.Reason})
		})
}

type keysChange func(*auth.Keyring) ([]auth.KeyStep, error)

func (s *streams) changeKeys(yes bool, note string, plan, do keysChange) error {
	keys, done, err := s.keys()
	if err != nil {
		return err
	}
	defer done()
	if yes {
		plan = do
	}
	steps, err := plan(keys)
	if err != nil {
		return err
	}
	for _, step := range steps {
		fmt.Fprintf(s.stdout, "  %s\n", stepWords(step))
	}
	switch {
	case len(steps) == 0:
		fmt.Fprintln(s.stdout, "Nothing to do: the key is not among the published ones any more.")
	case yes:
		fmt.Fprintln(s.stdout, note)
	default:
		fmt.Fprintln(s.stdout, note+"\n\nNothing was changed. To do it, add --yes.")
	}
	return nil
}

func stepWords(step auth.KeyStep) string {
	name := step.Kid
	if name == "" {
		name = "a new key"
	}
	if step.From == "" {
		return fmt.Sprintf("%s (%s) is made: %s", name, step.Algorithm, step.To)
	}
	return fmt.Sprintf("%s (%s): %s → %s", name, step.Algorithm, step.From, step.To)
}

type keysRewrapCmd struct {
	Reason string `default:"membership keys rewrap" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	Yes    bool   `help:"Do it. Without, it only says what it would do."`
}

// Help is kong's long help.
func (keysRewrapCmd) Help() string {
	return `Seals every private key under the first of SEALING_KEYS, so that the others can be taken out.
Running it again changes nothing. Every process must have the new sealing key before: put it last
everywhere, then first everywhere, then rewrap, then take the old one out.

Example: membership keys rewrap --yes`
}

// Run says what it does, and does it if told to.
func (c keysRewrapCmd) Run(s *streams) error {
	keys, done, err := s.keys()
	if err != nil {
		return err
	}
	defer done()
	found, err := keys.PlanRewrap(s.ctx)
	words := "lie under another and would be sealed anew"
	if c.Yes {
		found, err = keys.Rewrap(s.ctx, auth.Why{Actor: s.actor, Reason: c.Reason})
		words = "were under another and are sealed anew"
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%d keys lie under the first sealing key, %d %s.\n", found.First, found.Others, words)
	if len(found.Closed) > 0 {
		return fmt.Errorf("none of SEALING_KEYS opens %q: put the one under which they were sealed back into the list, or revoke them", found.Closed)
	}
	if !c.Yes && found.Others > 0 {
		fmt.Fprintln(s.stdout, "Nothing was changed. To do it, add --yes.")
	}
	return nil
}
