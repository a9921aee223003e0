package faults

import (
	"context"

	"newsroom.example/membership/internal/stripesim"
)

// readers makes so many members who pay every month, at Stripe, which tells the
// service of it.
func (w *world) readers(ctx context.Context, n int) ([]*person, error) {
	people, err := w.newMembers(ctx, n)
	if err != nil {
		return nil, err
	}
	made, err := w.sim.Seed(stripesim.Seed{Readers: n, Price: w.shop.month.id, Reader: func(i int) stripesim.SeedReader {
		return stripesim.SeedReader{Email: people[i].email, Metadata: map[string]string{"member_id": people[i].member.String()}}
	}})
	if err != nil {
		return nil, err
	}
	for i, s := range made {
		people[i].customer, people[i].subscription = s.Customer, s.ID
	}
	w.injected.add("readers", n)
	return people, nil
}

// count notes what struck and how many events there were, once the faults are over.
func (w *world) count(mishaps ...stripesim.Mishap) {
	struck := w.sim.Injected()
	for _, m := range mishaps {
		w.injected.add(string(m), struck[m])
	}
}

func duplicates(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Duplicated, Share: 0.2}); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 40); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.count(stripesim.Duplicated)
	return nil
}
