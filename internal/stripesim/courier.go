package stripesim

import (
	"context"
	"net/http"
	"slices"
	"strconv"
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
	Copy     int    `json:"copy"` // above 0 for a duplicate
}

// waits are the pauses after each failed attempt, in the simulator's own time.
// The first are short so that a sandbox heals while one looks on; then it is
// exponential for three days, as https://docs.stripe.com/webhooks#retries says.
var waits = []time.Duration{
	2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
}

const (
	couriers     = 16               // attempts under way at once, unless the Config says otherwise
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

	parcels  map[string]*parcel
	unsent   map[string]int // parcels, per event
	ready    []string       // parcels whose time has come
	underWay int            // parcels delayed by a fault
	busy     int
	most     int  // that may be busy
	stopped  bool // by StopDelivering
	lose     int  // events to lose
	log      []Delivery
	quiet    []chan struct{} // who waits until nothing moves
}

func newCourier(transport http.RoundTripper, most int) courier {
	ctx, cancel := context.WithCancel(context.Background())
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: most} // of its own, so that Close leaves no connection behind
	}
	client := &http.Client{
		Transport: transport,
		Timeout:   patience,
		// Stripe follows no redirect: anything but 2xx has failed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return courier{
		client: client, ctx: ctx, cancel: cancel, most: most,
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
	lost := len(endpoints) > 0 && s.loses(event)
	for _, endpoint := range endpoints {
		if lost {
			s.record(event, endpoint, Delivery{Error: "lost on the way, as asked", Mishap: Dropped})
			continue
		}
		s.post(event, endpoint)
		for n := range s.copies(event) {
			s.postCopy(event, endpoint, n+1)
		}
	}
}

func (s *Sim) loses(event object) bool {
	if s.courier.lose > 0 {
		s.courier.lose--
		return true
	}
	_, struck := s.happens(event, Dropped)
	return struck
}

// post lets an event's parcel for an endpoint go at once, also one that waits
// for its next attempt.
func (s *Sim) post(event, endpoint object) {
	c := &s.courier
	p := &parcel{Event: str(event, "id"), Endpoint: str(endpoint, "id")}
	p.ID = p.Event + " " + p.Endpoint
	switch known := c.parcels[p.ID]; {
	case known == nil:
		c.parcels[p.ID] = p
		c.unsent[p.Event]++
	case slices.Contains(c.ready, p.ID):
		return
	default:
		p = known
	}
	s.changed = true
	s.ship(p)
}

// postCopy lets a duplicate go, which no endpoint is waited for.
func (s *Sim) postCopy(event, endpoint object, n int) {
	p := &parcel{Event: str(event, "id"), Endpoint: str(endpoint, "id"), Copy: n}
	p.ID = p.Event + " " + p.Endpoint + " " + strconv.Itoa(n)
	s.courier.parcels[p.ID] = p
	s.ship(p)
}

// readyDelivery is what "delivery.attempt" does.
func (s *Sim) readyDelivery(id string) {
	if p := s.courier.parcels[id]; p != nil {
		s.ship(p)
	}
}

// dispatch starts as many attempts as may run at once. Each has a goroutine of
// its own; nothing is promised about their order.
func (s *Sim) dispatch() {
	c := &s.courier
	for !c.stopped && c.ctx.Err() == nil && len(c.ready) > 0 && c.busy < c.most {
		if p := c.parcels[s.next()]; p != nil {
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

func (c *courier) isQuiet() bool {
	return c.busy == 0 && c.underWay == 0 && (c.stopped || len(c.ready) == 0)
}

// start sends one parcel, unless its endpoint or event has gone.
func (s *Sim) start(p *parcel) {
	event, ok1 := s.store.find("event", p.Event)
	endpoint, ok2 := s.store.find("webhook_endpoint", p.Endpoint)
	if !ok1 || !ok2 || str(endpoint, "status") != "enabled" {
		s.finish(p)
		return
	}
	l := s.letter(event, endpoint)
	hit, _ := s.happens(event, letterHarms...)
	l.mangle(hit.do)
	req, err := s.request(l, endpoint)
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
		s.live(func() {
			s.courier.busy--
			s.conclude(p, s.record(event, endpoint, Delivery{Status: status, Error: problem, Mishap: hit.do}))
		})
	}()
}

// conclude draws the consequences of an attempt: the parcel has arrived, is
// given up, or waits for its next attempt.
func (s *Sim) conclude(p *parcel, d Delivery) {
	if d.OK() || p.Attempts > len(waits) {
		s.finish(p)
		return
	}
	s.cfg.Log.Debug("stripesim: delivery failed", "event", p.Event, "status", d.Status, "attempt", p.Attempts)
	s.plan(s.unix()+int64(waits[p.Attempts-1].Seconds()), "delivery.attempt", p.ID)
}

// finish takes a parcel away, whether it arrived or not. It does so once, even
// if it was sent twice.
func (s *Sim) finish(p *parcel) {
	if s.courier.parcels[p.ID] != p {
		return
	}
	delete(s.courier.parcels, p.ID)
	if p.Copy > 0 {
		return
	}
	if s.courier.unsent[p.Event]--; s.courier.unsent[p.Event] == 0 {
		delete(s.courier.unsent, p.Event)
	}
}
