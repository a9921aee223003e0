package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// startNodes starts the replicas at once.
func (w *world) startNodes(ctx context.Context) error {
	count := w.setting.nodes
	if count == 0 {
		count = 2
	}
	w.nodes = make([]*process, count)
	started := make(chan error, count)
	for i := range count {
		go func() { started <- w.start(ctx, i) }()
	}
	var errs []error
	for range count {
		errs = append(errs, <-started)
	}
	return errors.Join(errs...)
}

// start begins a life of one replica, and opens the door to it.
func (w *world) start(ctx context.Context, i int) error {
	conns := w.conns
	if conns == 0 {
		conns = 8
	}
	url := w.server.URL(w.database)
	if w.cutter != nil {
		url = w.cutter.url(w.database)
	}
	p, err := startProcess(ctx, w.options.Program, w.nodeLog(i), append(w.till.flags(),
		"--database", url, "--stripe", w.api.Base, "--clock", w.nodeClock(),
		"--members", w.members(), "--news", newsURL, "--smtp", w.mails.Addr().String(), "--secret", w.secret,
		"--conns", fmt.Sprint(conns), "--lease", w.leaseTime().String(),
		"--rate", fmt.Sprint(w.limit()), "--endpoint-rate", fmt.Sprint(w.limit()/4),
	))
	if err != nil {
		return err
	}
	w.nodes[i] = p
	w.door.open(i, p.address)
	return nil
}

// watch starts a replica again whenever it ends by itself, until the returned
// function is called.
func (w *world) watch(ctx context.Context, i int) (done func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-w.nodes[i].gone:
			}
			w.injected.add("starts after an end", 1)
			if err := w.revive(context.WithoutCancel(ctx), i); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() error { cancel(); return <-ended }
}

func (w *world) leaseTime() time.Duration {
	if w.lease == 0 {
		return 3 * time.Second
	}
	return w.lease
}

// limit is one that a row without any never meets.
func (w *world) limit() float64 {
	if w.rate == 0 {
		return 10_000
	}
	return w.rate
}

func (w *world) nodeLog(i int) string { return filepath.Join(w.dir, fmt.Sprintf("node-%d.log", i)) }

// kill ends a replica as kill -9 does; the door is told, as a load balancer's health
// check would tell it.
func (w *world) kill(i int) {
	if w.nodes[i] == nil {
		return
	}
	w.nodes[i].kill()
	w.nodes[i] = nil
	w.door.open(i, "")
}

// stopNodes ends every replica in order.
func (w *world) stopNodes() error {
	var errs []error
	for i, p := range w.nodes {
		if p != nil {
			errs = append(errs, p.stop())
			w.nodes[i] = nil
			w.door.open(i, "")
		}
	}
	return errors.Join(errs...)
}
