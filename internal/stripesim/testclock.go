package stripesim

import (
	"container/heap"
	"time"
)

// testClock is Stripe's name for the kind.
const testClock = "test_helpers.test_clock"

// clockLife is when a test clock deletes itself, in seconds after its making.
// https://docs.stripe.com/billing/testing/test-clocks
const clockLife = 30 * day

var testClockFields = fields{"frozen_time": integer().required(), "name": text(300)}

// createTestClock makes a clock that stands still. Customers made with it, and
// all that is theirs, live by its time; everything else goes on as before.
// https://docs.stripe.com/billing/testing/test-clocks
func createTestClock(s *Sim, c *call) (object, *apiError) {
	with := pick(c.params, "frozen_time", "name")
	with["deletes_after"] = s.unix() + clockLife
	o := s.add(testClock, with)
	s.plan(num(o, "deletes_after"), "test_clock.delete", str(o, "id"))
	s.emit("test_helpers.test_clock.created", o, nil)
	return o, nil
}

// advanceTestClock says that the clock shall advance. It has done so by the
// next call, or the simulator's next RunDue.
// https://docs.stripe.com/api/test_clocks/advance
func advanceTestClock(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind(testClock, c.id)
	if err != nil {
		return nil, err
	}
	to := num(c.params, "frozen_time")
	switch {
	case to <= num(o, "frozen_time"):
		return nil, invalid("test_clock_advancement_invalid", "frozen_time", "The time to advance to must be after the test clock's current frozen time.")
	case to > s.farthest(o):
		return nil, invalid("test_clock_advancement_invalid", "frozen_time", "Cannot advance the test clock more than two intervals from the shortest subscription, or two years without one.")
	}
	o["_target"] = to
	s.change(o, "test_helpers.test_clock.advancing", object{"status": "advancing"})
	s.plan(s.unix(), "test_clock.advance", c.id)
	return o, nil
}

// farthest is two intervals of the clock's shortest subscription from now.
func (s *Sim) farthest(clock object) int64 {
	from := time.Unix(num(clock, "frozen_time"), 0).UTC()
	most := from.AddDate(2, 0, 0).Unix()
	for _, o := range s.store.all("subscription", func(o object) bool { return o["test_clock"] == clock["id"] && !ended(o) }) {
		recurring := sub(s.store.byID[pricesOf(o)[0]], "recurring")
		n := 2 * max(1, int(num(recurring, "interval_count")))
		most = min(most, nthPeriod(from, str(recurring, "interval"), n).Unix())
	}
	return most
}

// runTestClock is what "test_clock.advance" does: all that is due on the way
// happens at its own instant.
func (s *Sim) runTestClock(id string) {
	o, ok := s.store.find(testClock, id)
	if !ok {
		return
	}
	target, due := num(o, "_target"), s.frozenDue[id]
	for due != nil && len(*due) > 0 && (*due)[0].At <= target {
		a := heap.Pop(due).(action)
		o["frozen_time"] = max(a.At, num(o, "frozen_time"))
		s.atFrozen(id, func() { s.doings[a.Doing](s, a.Subject) })
	}
	s.change(o, "test_helpers.test_clock.ready", object{"status": "ready", "frozen_time": target})
}

// deleteTestClock deletes the clock's customers too, and so ends their
// subscriptions. https://docs.stripe.com/api/test_clocks/delete
func deleteTestClock(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind(testClock, c.id)
	if err != nil {
		return nil, err
	}
	s.removeTestClock(c.id)
	return deleted(o), nil
}

// removeTestClock is what "test_clock.delete" does.
func (s *Sim) removeTestClock(id string) {
	o, ok := s.store.find(testClock, id)
	if !ok {
		return
	}
	for _, customer := range s.store.all("customer", func(o object) bool { return o["test_clock"] == id }) {
		s.atFrozen(id, func() { _, _ = deleteCustomer(s, &call{id: str(customer, "id")}) }) // it is there: it was just found
	}
	delete(s.frozenDue, id)
	s.store.remove(o)
	s.emit("test_helpers.test_clock.deleted", o, nil)
}

// atFrozen runs f in the time of a test clock, which may be none.
func (s *Sim) atFrozen(clock string, f func()) {
	o, ok := s.store.find(testClock, clock)
	if !ok || s.frozen != "" {
		f()
		return
	}
	s.frozen, s.wall, s.now = clock, s.now, time.Unix(num(o, "frozen_time"), 0).UTC()
	defer func() { s.frozen, s.now = "", s.wall }()
	f()
}

// liveFor is live in the time of an object's test clock, if it has one.
func (s *Sim) liveFor(id string, f func()) {
	s.live(func() { s.atFrozen(s.clockOf(id), f) })
}

// clockOf names the test clock that an object lives by; empty for none.
func (s *Sim) clockOf(id string) string {
	o := s.store.byID[id]
	if clock := str(o, "test_clock"); clock != "" || o == nil {
		return clock
	}
	for _, key := range []string{"customer", "payment_intent", "charge"} {
		if owner := str(o, key); owner != "" && owner != id {
			return s.clockOf(owner)
		}
	}
	return ""
}

// clockOfCall names the test clock that a call concerns: that of the object in
// its address, or of one that a parameter names.
func (s *Sim) clockOfCall(c *call) string {
	if clock := str(c.params, "test_clock"); clock != "" {
		return clock
	}
	for _, id := range []string{c.id, str(c.params, "customer"), str(c.params, "subscription"), str(c.params, "payment_intent"), str(c.params, "charge")} {
		if clock := s.clockOf(id); clock != "" {
			return clock
		}
	}
	return ""
}
