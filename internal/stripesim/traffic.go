package stripesim

import (
	"maps"
	"sync"
)

// Traffic is how much the API has been asked since the simulator began.
type Traffic struct {
	Calls   map[string]int // by route, as in "GET /v1/customers/{id}"
	Now     int            // under way
	Busiest int            // the most that ever were under way at once
}

type traffic struct {
	mu   sync.Mutex
	seen Traffic
}

func newTraffic() *traffic { return &traffic{seen: Traffic{Calls: map[string]int{}}} }

// Traffic answers how much the API has been asked.
func (s *Sim) Traffic() Traffic {
	t := s.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.seen
	out.Calls = maps.Clone(t.seen.Calls)
	return out
}

func (t *traffic) enter(route string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen.Calls[route]++
	t.seen.Now++
	t.seen.Busiest = max(t.seen.Busiest, t.seen.Now)
}

func (t *traffic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen.Now--
}
