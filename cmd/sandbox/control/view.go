package control

import (
	"html/template"
	"time"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim"
)

// What the page shows at most of each; the simulator remembers more.
const (
	shownMails    = 30
	shownPayments = 50
	shownEvents   = 80
)

type view struct {
	Now                 time.Time
	Ahead               string // how far the clock is ahead of the real one
	Leaps               []leap
	MembersURL, NewsURL string
	Problem             string            // why nothing was done
	Done                map[string]string // what was done, by section

	Mails         []mailcatch.Mail
	Subscriptions []stripesim.Subscription
	Payments      []stripesim.Payment
	Events        []event
}

// event is a Stripe event with what became of it.
type event struct {
	stripesim.Event
	Attempts int
	Last     *stripesim.Delivery // nil: not tried yet
}

// fill adds to the words of the moment what there is to see.
func (s *server) fill(v view) view {
	v.Now = s.Clock().UTC()
	v.Ahead, v.Leaps = ahead(time.Until(v.Now)), leaps
	v.MembersURL, v.NewsURL = s.MembersURL, s.NewsURL
	v.Mails = first(s.Mails.Mails(), shownMails)
	v.Subscriptions = first(s.Sim.Subscriptions(), shownPayments)
	v.Payments = first(s.Sim.Payments(), shownPayments)
	v.Events = s.events()
	return v
}

func (s *server) events() []event {
	byEvent := map[string][]stripesim.Delivery{} // newest first
	for _, d := range s.Sim.Deliveries() {
		byEvent[d.Event] = append(byEvent[d.Event], d)
	}
	var all []event
	for _, e := range first(s.Sim.Events(), shownEvents) {
		tried := event{Event: e, Attempts: len(byEvent[e.ID])}
		if tried.Attempts > 0 {
			tried.Last = &byEvent[e.ID][0]
		}
		all = append(all, tried)
	}
	return all
}

func first[T any](all []T, n int) []T { return all[:min(n, len(all))] }

var words = template.FuncMap{"amount": amount, "instant": instant, "linked": linked}
