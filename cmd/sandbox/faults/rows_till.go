package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"newsroom.example/membership/internal/oracle"
)

// hundredPosts sends one form a hundred times at once: one page opens, and is paid
// once.
func hundredPosts(ctx context.Context, w *world) error {
	for _, buyer := range []func() (*person, error){
		func() (*person, error) { return w.stranger("hundred"), nil },
		func() (*person, error) { return w.proven(ctx) },
	} {
		p, err := buyer()
		if err != nil {
			return err
		}
		if _, err := p.give(ctx, "10", "known-"+p.email); err != nil { // so that the browser has its cookie
			return err
		}
		opened, err := w.press(ctx, p, 100, func(int) string { return "one-form-" + p.email })
		if err != nil {
			return err
		}
		w.expect(len(opened) == 1, "one form, sent a hundred times, opened %d pages", len(opened))
		if _, err := p.pay(ctx, opened[0]); err != nil {
			return err
		}
	}
	return w.pages(ctx, 4) // two gifts, two memberships
}

// proven is a member who is signed in and may buy.
func (w *world) proven(ctx context.Context) (*person, error) {
	all, err := w.newMembers(ctx, 1)
	if err != nil {
		return nil, err
	}
	return all[0], all[0].signInProven(ctx)
}

// press sends the form for a membership so many times at once and answers the pages
// that opened, each once. Being refused is no failure.
func (w *world) press(ctx context.Context, p *person, times int, nonce func(i int) string) ([]string, error) {
	var mu sync.Mutex
	var opened []string
	presses := make([]int, times)
	for i := range presses {
		presses[i] = i
	}
	err := each(presses, times, func(i int) error {
		till, err := p.checkout(ctx, w.shop.month.ID, nonce(i))
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			w.expectLocked(&mu, refused.status < 500, "a press was answered with %d", refused.status)
			return nil
		case err != nil:
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(opened, till) {
			opened = append(opened, till)
		}
		return nil
	})
	w.injected.add("presses", times)
	return opened, err
}

func (w *world) expectLocked(mu *sync.Mutex, so bool, format string, args ...any) {
	mu.Lock()
	defer mu.Unlock()
	w.expect(so, format, args...)
}

// twentyTabs opens twenty tabs of one member at once: at most one page stays open,
// and paying whatever opened buys one membership.
func twentyTabs(ctx context.Context, w *world) error {
	p, err := w.proven(ctx)
	if err != nil {
		return err
	}
	opened, err := w.press(ctx, p, 20, func(i int) string { return fmt.Sprintf("tab-%d", i) })
	if err != nil {
		return err
	}
	open, err := w.openPages(ctx)
	if err != nil {
		return err
	}
	w.expect(open <= 1, "%d pages are open at once", open)
	paid := 0
	for _, till := range opened {
		if _, err := p.pay(ctx, till); err == nil {
			paid++
		}
	}
	w.expect(paid == 1, "%d of the tabs could be paid", paid)
	w.injected.add("tabs", 20)
	return nil
}

func (w *world) openPages(ctx context.Context) (n int, err error) {
	made, err := oracle.List[session](ctx, w.api, "/v1/checkout/sessions", nil)
	for _, s := range made {
		if s.Status == "open" {
			n++
		}
	}
	return n, err
}
