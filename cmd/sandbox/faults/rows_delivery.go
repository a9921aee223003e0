package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// duplicated has a fifth of all events come twice.
func duplicated(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Duplicated, Share: 0.2}); err != nil {
		return err
	}
	return w.deliverLives(ctx, 40, stripesim.Duplicated)
}

// eightfold has every event come eight times at once.
func eightfold(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Duplicated, Count: 7}); err != nil {
		return err
	}
	return w.deliverLives(ctx, 10, stripesim.Duplicated)
}

// muddled has everything at once happen to deliveries.
func muddled(ctx context.Context, w *world) error {
	err := w.sim.Inject(w.seed,
		stripesim.Fault{Do: stripesim.Missed, Share: 0.2},
		stripesim.Fault{Do: stripesim.Delayed, Share: 0.3, Max: 700 * time.Millisecond},
		stripesim.Fault{Do: stripesim.Shuffled, Count: 50},
		stripesim.Fault{Do: stripesim.Duplicated, Share: 0.2})
	if err != nil {
		return err
	}
	return w.deliverLives(ctx, 30, stripesim.Missed, stripesim.Delayed, stripesim.Shuffled, stripesim.Duplicated)
}

// deliverLives lets so many readers live a little while faults strike deliveries.
func (w *world) deliverLives(ctx context.Context, n int, mishaps ...stripesim.Mishap) error {
	people, err := w.readers(ctx, n)
	if err != nil {
		return err
	}
	if err := each(people, 4, func(p *person) error { return w.wander(ctx, p) }); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.count(mishaps...)
	return nil
}

// wander changes a reader's subscription a few times, as chance will have it; some
// end without it.
func (w *world) wander(ctx context.Context, p *person) error {
	for range 3 {
		if err := w.step(ctx, p, w.roll(5)); err != nil {
			return err
		}
	}
	if w.roll(4) == 0 {
		return w.cancelNow(ctx, p)
	}
	return nil
}

func (w *world) step(ctx context.Context, p *person, kind int) error {
	switch kind {
	case 0, 1:
		return w.update(ctx, p, url.Values{"cancel_at_period_end": {fmt.Sprint(kind == 0)}})
	case 2:
		return w.update(ctx, p, url.Values{"pause_collection[behavior]": {"void"}})
	case 3:
		return w.update(ctx, p, url.Values{"pause_collection": {""}})
	}
	return w.update(ctx, p, url.Values{"metadata[note]": {fmt.Sprint(w.roll(1000))}})
}

// update changes a reader's subscription at Stripe, as staff could on the dashboard.
func (w *world) update(ctx context.Context, p *person, form url.Values) error {
	w.injected.add("changes at Stripe", 1)
	return w.api.Post(ctx, "/v1/subscriptions/"+p.subscription, form, &struct{}{})
}

func (w *world) cancelNow(ctx context.Context, p *person) error {
	w.injected.add("cancellations", 1)
	return w.api.Call(ctx, http.MethodDelete, "/v1/subscriptions/"+p.subscription, nil, &struct{}{})
}

// sixEvents are the kinds of the life whose every order is tried.
var sixEvents = []string{
	"customer.subscription.created", "invoice.paid", "charge.refunded",
	"customer.subscription.updated", "customer.subscription.deleted",
}

// ordered delivers the six events of one life in every order, each order to another
// reader; the short form tries sixty of the 720, as chance will have it.
func ordered(ctx context.Context, w *world) error {
	orders := permutations(6)
	if !w.options.Full {
		w.dice.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
		orders = orders[:60]
	}
	if err := w.listen("none.at.all"); err != nil { // each event goes when its turn comes
		return err
	}
	people, err := w.readers(ctx, len(orders))
	if err != nil {
		return err
	}
	if err := each(people, 4, func(p *person) error { return w.sixth(ctx, p) }); err != nil {
		return err
	}
	if err := w.listen(sixEvents...); err != nil {
		return err
	}
	lives := w.lives(sixEvents...)
	for customer, life := range lives {
		lives[customer] = slices.Concat(life[:2], life[len(life)-4:]) // between them is what the purchase updates
	}
	turns := make([]int, len(orders))
	for i := range turns {
		turns[i] = i
	}
	return each(turns, 8, func(i int) error { return w.inOrder(ctx, lives[people[i].customer], orders[i]) })
}

// sixth is the rest of a life of six events: paused, going on again, a part of the
// money given back, and for every second reader the end.
func (w *world) sixth(ctx context.Context, p *person) error {
	for _, pause := range []url.Values{{"pause_collection[behavior]": {"void"}}, {"pause_collection": {""}}} {
		if err := w.update(ctx, p, pause); err != nil {
			return err
		}
	}
	if err := w.refund(ctx, p, 100); err != nil {
		return err
	}
	if w.roll(2) == 0 {
		return w.cancelNow(ctx, p)
	}
	return w.update(ctx, p, url.Values{"cancel_at_period_end": {"true"}})
}

func (w *world) inOrder(ctx context.Context, life []string, order []int) error {
	if len(life) != len(order) {
		return fmt.Errorf("a life of %d events, want %d", len(life), len(order))
	}
	turned := make([]string, len(order))
	for i, at := range order {
		turned[i] = life[at]
	}
	if _, err := w.sim.DeliverInOrder(ctx, turned...); err != nil {
		return err
	}
	w.injected.add("orders", 1)
	return nil
}

// lives are the events of these kinds by customer, the oldest first.
func (w *world) lives(kinds ...string) map[string][]string {
	all := map[string][]string{}
	for _, e := range slices.Backward(w.sim.Events()) {
		var body struct {
			Data struct{ Object struct{ Customer string } }
		}
		if slices.Contains(kinds, e.Type) && json.Unmarshal(e.Body, &body) == nil {
			all[body.Data.Object.Customer] = append(all[body.Data.Object.Customer], e.ID)
		}
	}
	return all
}

// permutations are all orders of n things.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

// sameSecond changes subscriptions so often that most events share their second with
// others, and delivers them in any order.
func sameSecond(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Shuffled, Count: 100}); err != nil {
		return err
	}
	people, err := w.readers(ctx, 20)
	if err != nil {
		return err
	}
	w.sim.StopDelivering()
	for range 6 {
		err := each(people, 2, func(p *person) error { return w.step(ctx, p, w.roll(5)) })
		if err != nil {
			return err
		}
	}
	w.injected.add("events that share their second with another of the same customer", sharing(w.sim.Events()))
	w.sim.StartDelivering()
	return w.delivered(ctx)
}

// sharing counts the events that tell of the same object in the same second as
// another does.
func sharing(events []stripesim.Event) (n int) {
	seen := map[string]int{}
	for _, e := range events {
		seen[e.Object+e.Created.String()]++
	}
	for _, times := range seen {
		if times > 1 {
			n += times
		}
	}
	return n
}

// stale delivers the end of a subscription first and an older change of it last.
func stale(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 10)
	if err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.listen("none.at.all")); err != nil {
		return err
	}
	for _, p := range people {
		if err := errors.Join(w.update(ctx, p, url.Values{"cancel_at_period_end": {"true"}}), w.cancelNow(ctx, p)); err != nil {
			return err
		}
	}
	kinds := []string{"customer.subscription.updated", "customer.subscription.deleted"}
	if err := w.listen(kinds...); err != nil {
		return err
	}
	for _, life := range w.lives(kinds...) {
		life = life[len(life)-2:]
		if err := w.inOrder(ctx, life, []int{1, 0}); err != nil {
			return err
		}
	}
	return nil
}

// superseded ends a reader's first subscription after a second one has begun.
func superseded(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Shuffled, Count: 100}); err != nil {
		return err
	}
	people, err := w.readers(ctx, 10)
	if err != nil {
		return err
	}
	w.sim.StopDelivering()
	for _, p := range people {
		if err := errors.Join(w.subscribeCustomer(ctx, p, w.shop.patron.ID), w.cancelNow(ctx, p)); err != nil {
			return err
		}
	}
	w.sim.StartDelivering()
	return w.delivered(ctx)
}
