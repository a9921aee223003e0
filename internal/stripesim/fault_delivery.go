package stripesim

import "time"

// aboutEvent answers whom an event concerns.
func (s *Sim) aboutEvent(event object) func(string) bool {
	return s.about(sub(event, "data.object"))
}

// about answers whom an object concerns. Refunds and disputes name no
// customer; their charge does.
func (s *Sim) about(o object) func(string) bool {
	id := str(o, "customer")
	if str(o, "object") == "customer" {
		id = str(o, "id")
	}
	if id == "" {
		id = str(s.store.byID[str(o, "charge")], "customer")
	}
	return func(customer string) bool { return id == customer }
}

// happens draws for what can happen to an event and its parcels.
func (s *Sim) happens(event object, among ...Mishap) (strike, bool) {
	return s.faults.draw(str(event, "type"), s.aboutEvent(event), among...)
}

// ship lets a parcel go whose time has come: it is ready, it is on its way for
// a while first, or this attempt reaches nobody. A missed attempt is settled
// here and not by a courier, so that a clock that jumps over days still sees
// every attempt at its own instant.
func (s *Sim) ship(p *parcel) {
	event, endpoint := s.store.byID[p.Event], s.store.byID[p.Endpoint]
	hit, _ := s.happens(event, Missed, Delayed)
	switch {
	case hit.do == Missed && endpoint != nil:
		p.Attempts++
		s.conclude(p, s.record(event, endpoint, Delivery{Error: "no connection, as asked", Mishap: Missed}))
	case hit.do == Delayed:
		s.courier.underWay++
		s.courier.running.Go(func() { s.shipAfter(p, hit.wait) })
	default:
		s.courier.ready = append(s.courier.ready, p.ID)
	}
}

func (s *Sim) shipAfter(p *parcel, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.courier.ctx.Done():
		return
	}
	s.live(func() {
		s.courier.underWay--
		s.courier.ready = append(s.courier.ready, p.ID)
	})
}

// copies answers how many further parcels an event is given.
func (s *Sim) copies(event object) int {
	if hit, struck := s.happens(event, Duplicated); struck {
		return max(hit.count, 1)
	}
	return 0
}

// next takes the parcel that goes now: the oldest, unless they are shuffled.
func (s *Sim) next() string {
	c := &s.courier
	if i := s.faults.among(len(c.ready)); i > 0 {
		c.ready[0], c.ready[i] = c.ready[i], c.ready[0]
	}
	id := c.ready[0]
	c.ready = c.ready[1:]
	return id
}
