package faults

import (
	"context"
	"errors"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// killed lets replicas die all the time while events come in and Stripe is slow, so
// that they die in the middle of everything.
func killed(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Slow, On: "GET *", Min: 5 * time.Millisecond, Max: 60 * time.Millisecond}); err != nil {
		return err
	}
	dying, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(w.nodes))
	for i := range w.nodes {
		go func() { ended <- w.dieAgainAndAgain(dying, i) }()
	}
	err := until(ctx, quietWithin, "replicas have died often enough", func(ctx context.Context) (bool, error) {
		if w.injected.of("kills") >= 4*len(w.nodes) {
			return true, nil
		}
		_, err := w.readers(ctx, 1)
		return false, err
	})
	stop()
	for range w.nodes {
		err = errors.Join(err, <-ended)
	}
	return err
}

// lifetime is how long a replica lives after it is ready.
const lifetime = time.Second

func (w *world) dieAgainAndAgain(ctx context.Context, i int) error {
	life := time.NewTimer(lifetime)
	defer life.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-life.C:
		}
		w.kill(i)
		w.injected.add("kills", 1)
		if err := w.start(context.WithoutCancel(ctx), i); err != nil {
			return err
		}
		life.Reset(lifetime)
	}
}
