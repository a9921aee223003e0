package stripesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// state is everything that outlives a run.
type state struct {
	Objects  []object              `json:"objects"` // oldest first within a kind
	Due      []action              `json:"due"`
	Planned  int64                 `json:"planned"`
	Answers  map[string]remembered `json:"answers"`
	Parcels  []parcel              `json:"parcels"`
	Attempts []Delivery            `json:"attempts"`
}

// save writes the state over the old one, if anything changed. The new file is
// whole before the old one goes, so that a kill at any moment leaves one.
func (s *Sim) save() error {
	if s.cfg.StatePath == "" || !s.changed {
		return nil
	}
	raw, err := json.Marshal(s.snapshot())
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	next := s.cfg.StatePath + ".next"
	if err := os.MkdirAll(filepath.Dir(next), 0o700); err != nil {
		return fmt.Errorf("make the state's folder: %w", err)
	}
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := os.Rename(next, s.cfg.StatePath); err != nil {
		return fmt.Errorf("replace state: %w", err)
	}
	s.changed = false
	return nil
}

func (s *Sim) snapshot() state {
	st := state{Due: slices.Clone(s.due), Planned: s.planned, Answers: s.answers.kept(s.now), Attempts: s.courier.log}
	for _, clock := range sortedKeys(s.frozenDue) {
		st.Due = append(st.Due, *s.frozenDue[clock]...)
	}
	for _, kind := range sortedKeys(s.store.byKind) {
		for _, id := range s.store.byKind[kind] {
			st.Objects = append(st.Objects, s.store.byID[id])
		}
	}
	for _, id := range sortedKeys(s.courier.parcels) {
		st.Parcels = append(st.Parcels, *s.courier.parcels[id])
	}
	return st
}

// load takes up the state of an earlier run, if there is one.
func (s *Sim) load() error {
	if s.cfg.StatePath == "" {
		return nil
	}
	raw, err := os.ReadFile(s.cfg.StatePath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var st state
	if err := decodeState(raw, &st); err != nil {
		return fmt.Errorf("read %s: %w", s.cfg.StatePath, err)
	}
	for _, o := range st.Objects {
		s.store.put(o)
	}
	s.planned = st.Planned
	for _, a := range st.Due {
		s.enqueue(a)
	}
	s.answers.takeUp(st.Answers)
	s.courier.log = st.Attempts
	s.takeUp(st.Parcels)
	return nil
}

func decodeState(raw []byte, st *state) error {
	if err := json.Unmarshal(raw, st); err != nil {
		return err
	}
	whole, err := decodeObject(raw) // objects again, for their whole numbers
	if err != nil {
		return err
	}
	st.Objects = nil
	for _, o := range array(whole, "objects") {
		inner, ok := o.(object)
		if !ok {
			return errors.New("an object is not a JSON object")
		}
		st.Objects = append(st.Objects, inner)
	}
	return nil
}

// takeUp makes ready again what was being sent when the last run ended. Such
// an event may arrive twice, as Stripe's may.
func (s *Sim) takeUp(parcels []parcel) {
	planned := map[string]bool{}
	for _, a := range s.due {
		planned[a.Subject] = true
	}
	for _, p := range parcels {
		s.courier.parcels[p.ID] = &p
		s.courier.unsent[p.Event]++
		if !planned[p.ID] {
			s.courier.ready = append(s.courier.ready, p.ID)
		}
	}
}

// newestFirst copies a log for a reader outside the lock.
func newestFirst[T any](log []T) []T {
	out := slices.Clone(log)
	slices.Reverse(out)
	return out
}
