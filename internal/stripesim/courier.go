package stripesim

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// parcel is one event on its way to one endpoint. It is gone when it has
// arrived or was given up.
type parcel struct {
	ID       string `json:"id"` // event and endpoint
	Event    string `json:"event"`
	Endpoint string `json:"endpoint"`
	Attempts int    `json:"attempts"`
}

// waits are the pauses after each failed attempt, in the simulator's own time.
// The first are short so that a sandbox heals while one looks on; then it is
// exponential for three days, as https://docs.stripe.com/webhooks#retries says.
var waits = []time.Duration{
	2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
}

const (
	couriers     = 16               // attempts under way at once
	patience     = 10 * time.Second // of real time, for an endpoint's answer
	keptAttempts = 5000             // of the log of attempts
)

// courier keeps the parcels and sends them. Its fields are guarded by Sim.mu;
// the requests themselves run outside it.
type courier struct {
	client  *http.Client
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	parcels map[string]*parcel
	unsent  map[string]int // parcels, per event
	ready   []string       // parcels whose time has come
	busy    int
	stopped bool // by StopDelivering
	lose    int  // events to lose
	log     []Delivery
	quiet   []chan struct{} // who waits until nothing moves
}

func newCourier(transport http.RoundTripper) courier {
	ctx, cancel := context.WithCancel(context.Background())
	if transport == nil {
		transport = &http.Transport{} // of its own, so that Close leaves no connection behind
	}
	client := &http.Client{
		Transport: transport,
		Timeout:   patience,
		// Stripe follows no redirect: anything but 2xx has failed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return courier{
		client: client, ctx: ctx, cancel: cancel,
		parcels: map[string]*parcel{}, unsent: map[string]int{},
	}
}

// pending is how many endpoints have not yet accepted an event.
func (c *courier) pending(event string) int64 { return int64(c.unsent[event]) }

func (c *courier) stop() {
	c.cancel()
	c.running.Wait()
	c.client.CloseIdleConnections()
}

// listeners are the endpoints that want an event, the oldest first.
func (s *Sim) listeners(event object) []object {
	found := s.store.all("webhook_endpoint", func(o object) bool {
		return str(o, "status") == "enabled" && wanted(array(o, "enabled_events"), str(event, "type"))
	})
	slices.Reverse(found)
	return found
}

// address sends a new event to each endpoint that wants it, unless it is to be
// lost.
func (s *Sim) address(event object) {
	endpoints := s.listeners(event)
	lost := s.courier.lose > 0 && len(endpoints) > 0
	if lost {
		s.courier.lose--
	}
	for _, endpoint := range endpoints {
		if lost {
			s.record(event, endpoint, 0, "lost on the way, as asked")
			continue
		}
		s.post(event, endpoint)
	}
}

// post makes an event's parcel for an endpoint ready to be sent at once, also
// one that waits for its next attempt.
func (s *Sim) post(event, endpoint object) {
	c := &s.courier
	p := &parcel{Event: str(event, "id"), Endpoint: str(endpoint, "id")}
	p.ID = p.Event + " " + p.Endpoint
	switch {
	case c.parcels[p.ID] == nil:
		c.parcels[p.ID] = p
		c.unsent[p.Event]++
	case slices.Contains(c.ready, p.ID):
		return
	}
	c.ready = append(c.ready, p.ID)
	s.changed = true
}

// readyDelivery is what "delivery.attempt" does.
func (s *Sim) readyDelivery(id string) {
	if s.courier.parcels[id] != nil {
		s.courier.ready = append(s.courier.ready, id)
	}
}

// dispatch starts as many attempts as may run at once. Each has a goroutine of
// its own; nothing is promised about their order.
func (s *Sim) dispatch() {
	c := &s.courier
	for !c.stopped && c.ctx.Err() == nil && len(c.ready) > 0 && c.busy < couriers {
		id := c.ready[0]
		c.ready = c.ready[1:]
		if p := c.parcels[id]; p != nil {
			s.start(p)
		}
	}
	if c.isQuiet() {
		for _, waiting := range c.quiet {
			close(waiting)
		}
		c.quiet = nil
	}
}

func (c *courier) isQuiet() bool { return c.busy == 0 && (c.stopped || len(c.ready) == 0) }

// start sends one parcel, unless its endpoint or event has gone.
func (s *Sim) start(p *parcel) {
	event, ok1 := s.store.find("event", p.Event)
	endpoint, ok2 := s.store.find("webhook_endpoint", p.Endpoint)
	if !ok1 || !ok2 || str(endpoint, "status") != "enabled" {
		s.finish(p)
		return
	}
	req, err := s.letter(event, endpoint)
	if err != nil { // the address was checked when the endpoint was made
		s.finish(p)
		return
	}
	p.Attempts++
	s.courier.busy++
	s.courier.running.Add(1)
	go func() {
		defer s.courier.running.Done()
		status, problem := s.courier.send(req)
		s.arrived(p, event, endpoint, status, problem)
	}()
}

// finish takes a parcel away, whether it arrived or not. It does so once, even
// if it was sent twice.
func (s *Sim) finish(p *parcel) {
	if s.courier.parcels[p.ID] != p {
		return
	}
	delete(s.courier.parcels, p.ID)
	if s.courier.unsent[p.Event]--; s.courier.unsent[p.Event] == 0 {
		delete(s.courier.unsent, p.Event)
	}
}

// arrived records an attempt and plans the next one if it failed.
func (s *Sim) arrived(p *parcel, event, endpoint object, status int, problem string) {
	s.live(func() {
		s.courier.busy--
		d := s.record(event, endpoint, status, problem)
		if d.OK() || p.Attempts > len(waits) {
			s.finish(p)
			return
		}
		s.cfg.Log.Debug("stripesim: delivery failed", "event", p.Event, "status", status, "attempt", p.Attempts)
		s.plan(s.unix()+int64(waits[p.Attempts-1].Seconds()), "delivery.attempt", p.ID)
	})
}
