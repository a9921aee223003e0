package faults

import (
	"context"
	"fmt"

	"newsroom.example/membership/internal/oracle"
	"newsroom.example/membership/internal/stripesim"
)

// What rows do in their world, beside breaking it.

// readers makes so many members who pay every month, at Stripe, which tells the
// service of it.
func (w *world) readers(ctx context.Context, n int) ([]*person, error) {
	people, err := w.newMembers(ctx, n)
	if err != nil {
		return nil, err
	}
	return people, w.seat(people, "pm_card_visa")
}

// seat gives each member a customer and a paid subscription at Stripe.
func (w *world) seat(people []*person, method string) error {
	made, err := w.sim.Seed(stripesim.Seed{Readers: len(people), Price: w.shop.month.ID, Method: method, Reader: func(i int) stripesim.SeedReader {
		return stripesim.SeedReader{Email: people[i].email, Metadata: map[string]string{"member_id": people[i].member.String()}}
	}})
	if err != nil {
		return err
	}
	for i, s := range made {
		people[i].customer, people[i].subscription = s.Customer, s.ID
		w.own(s.Customer, people[i].member)
	}
	w.injected.add("readers", len(people))
	return nil
}

// roll throws the row's dice: a number below n.
func (w *world) roll(n int) int {
	w.diceMu.Lock()
	defer w.diceMu.Unlock()
	return w.dice.IntN(n)
}

// listen says which events the endpoint wants from now on; none is every one.
func (w *world) listen(types ...string) error {
	_, err := w.sim.Listen(w.endpoint(), types...)
	return err
}

func (w *world) endpoint() string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", w.door.port(), webhookPath)
}

// refund gives back so much of a reader's newest payment; 0 is all of it.
func (w *world) refund(ctx context.Context, p *person, amount int64) error {
	charges, err := oracle.List[oracle.Charge](ctx, w.api, "/v1/charges", oracle.ChargesOf(p.customer))
	if err != nil {
		return err
	}
	w.injected.add("refunds", 1)
	return w.sim.Refund(charges[0].ID, amount)
}

// count notes how often mishaps struck, in the words of the plan.
func (w *world) count(mishaps ...stripesim.Mishap) {
	struck := w.sim.Injected()
	for _, m := range mishaps {
		w.injected.add(string(m), struck[m])
	}
}

// expect finds fault with the service where something is not so.
func (w *world) expect(so bool, format string, args ...any) {
	if !so {
		w.findings = append(w.findings, finding(fmt.Sprintf(format, args...)))
	}
}
