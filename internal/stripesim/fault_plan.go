package stripesim

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// faultPlan is what goes wrong at present. It has its own lock, because calls
// suffer before they see the world, and while nobody may hold it up.
type faultPlan struct {
	mu     sync.Mutex
	rules  []*rule
	struck map[Mishap]int
	healed chan struct{} // closed when the plan changes
}

// rule is a fault with its own sequence of draws.
type rule struct {
	Fault
	dice    *rand.Rand
	left    int // strikes; below zero is without end
	buckets map[string]*rate.Limiter
}

// strike is one fault that has come about.
type strike struct {
	do       Mishap
	customer string
	count    int
	wait     time.Duration
	pick     uint64
}

func newFaultPlan() *faultPlan {
	return &faultPlan{struck: map[Mishap]int{}, healed: make(chan struct{})}
}

func (p *faultPlan) replace(seed uint64, faults []Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
	for i, f := range faults {
		r := &rule{Fault: f, dice: rand.New(rand.NewPCG(seed, uint64(i))), left: f.Times, buckets: map[string]*rate.Limiter{}}
		if f.Times == 0 {
			r.left = -1
		}
		p.rules = append(p.rules, r)
	}
	close(p.healed)
	p.healed = make(chan struct{})
}

// draw asks whether one of these mishaps strikes what is called name; the first
// rule that does decides. about says whether the thing concerns a customer.
func (p *faultPlan) draw(name string, about func(customer string) bool, among ...Mishap) (strike, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rules {
		if slices.Contains(among, r.Do) && r.concerns(name, about) && r.strikes(name) {
			p.struck[r.Do]++
			return strike{do: r.Do, customer: r.Customer, count: r.Count, wait: r.wait(), pick: r.dice.Uint64()}, true
		}
	}
	return strike{}, false
}

// asksForCustomers says whether a rule needs to know whom a thing concerns.
func (p *faultPlan) asksForCustomers() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.rules, func(r *rule) bool { return r.Customer != "" })
}

func (p *faultPlan) untilHealed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.healed
}

func (r *rule) concerns(name string, about func(string) bool) bool {
	return (r.On == "" || wanted([]any{r.On}, name)) && (r.Customer == "" || about(r.Customer))
}

// strikes throws the dice, and counts down if it hits.
func (r *rule) strikes(name string) bool {
	switch {
	case r.left == 0,
		r.Share > 0 && r.dice.Float64() >= r.Share,
		r.Do == Bucket && r.bucket(name).Allow():
		return false
	}
	r.left = max(r.left-1, -1)
	return true
}

func (r *rule) bucket(name string) *rate.Limiter {
	if r.buckets[name] == nil {
		r.buckets[name] = rate.NewLimiter(rate.Limit(r.Count), r.Count)
	}
	return r.buckets[name]
}

func (r *rule) wait() time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(r.dice.Int64N(int64(r.Max-r.Min)+1))
}

// among picks one of the n things that wait: the first, unless a rule shuffles.
func (p *faultPlan) among(n int) int {
	if n < 2 {
		return 0
	}
	hit, struck := p.draw("", func(string) bool { return false }, Shuffled)
	if !struck {
		return 0
	}
	if hit.count == 0 {
		hit.count = 10
	}
	return int(hit.pick % uint64(min(n, hit.count)))
}
