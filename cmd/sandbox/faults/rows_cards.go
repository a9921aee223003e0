package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"newsroom.example/membership/internal/oracle"
)

// till is how many payment pages the replicas open an hour for whom they do not know.
// They believe what a proxy on this machine says of addresses.
type till struct{ perNetwork, ofStrangers int }

func (t *till) flags() []string {
	if t == nil {
		return nil
	}
	return []string{"--proxies", "127.0.0.1", "--per-network", fmt.Sprint(t.perNetwork), "--of-strangers", fmt.Sprint(t.ofStrangers)}
}

// cardsTried has a bot post a thousand forms to try stolen cards: from every address of
// one network, from everywhere without a look at the form, and at last as somebody who
// reads it. Meanwhile a stranger gets through who reads, and afterwards a member who is
// signed in.
func cardsTried(ctx context.Context, w *world) error {
	begun := w.clock.Now()
	bot := w.stranger("bot")
	key, err := bot.read(ctx, "/contribute")
	if err != nil {
		return err
	}
	atHome := w.tryCards(ctx, 250, key+"-home", func(i int) string { return fmt.Sprintf("2001:db8:7:7::%x", i+1) })
	everywhere := w.tryCards(ctx, 500, "", func(i int) string { return fmt.Sprintf("10.%d.%d.1", i/200, i%200) })
	if err := errors.Join(atHome.err, everywhere.err, w.passes(ctx, "192.0.2.1")); err != nil {
		return err
	}
	reading := w.tryCards(ctx, 250, key+"-all", func(i int) string { return fmt.Sprintf("11.%d.%d.1", i/200, i%200) })
	if reading.err != nil {
		return reading.err
	}
	elapsed := w.clock.Now().Sub(begun)
	w.expect(atHome.opened <= w.till.room(w.till.perNetwork, elapsed), "one network opened %d pages of %d", atHome.opened, w.till.perNetwork)
	w.expect(everywhere.opened <= w.till.room(w.till.ofStrangers/4, elapsed), "who never read the form opened %d pages of %d", everywhere.opened, w.till.ofStrangers/4)
	if err := errors.Join(w.turnedAway(ctx, "192.0.2.2"), w.memberPasses(ctx)); err != nil {
		return err
	}
	return w.pagesOf(ctx, begun)
}

// room is how many pages a budget gives in a while: all of it at once, and what comes
// back.
func (t *till) room(budget int, within time.Duration) int {
	return budget + int(within.Hours()*float64(budget)) + 1
}

// read opens a page, takes as long as people take, and answers the key of its form.
func (p *person) read(ctx context.Context, path string) (key string, err error) {
	answer, err := p.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", err
	}
	found := formKey.FindStringSubmatch(answer.body)
	if found == nil {
		return "", fmt.Errorf("%s has no form: status %d", path, answer.status)
	}
	return found[1], p.world.advance(3 * time.Second)
}

var formKey = regexp.MustCompile(`name="nonce" value="([^"]+)"`)

// tries are what became of a bot's posts.
type tries struct {
	opened int
	err    error
}

// tryCards posts so many forms from so many addresses, and tries a bad card on each page
// that opens. A key that is not empty is that of the form they seem to come from.
func (w *world) tryCards(ctx context.Context, times int, key string, from func(i int) string) tries {
	var opened, strange atomic.Int64
	posts := make([]int, times)
	for i := range posts {
		posts[i] = i
	}
	err := each(posts, 16, func(i int) error {
		p := w.stranger(fmt.Sprintf("card-%d", i))
		p.address = from(i)
		nonce := ""
		if key != "" {
			nonce = fmt.Sprintf("%s-%d", key, i)
		}
		page, err := p.give(ctx, "5", nonce)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			if refused.status != http.StatusTooManyRequests {
				strange.Store(int64(refused.status))
			}
			return nil
		case err != nil:
			return err
		}
		opened.Add(1)
		_, err = p.ask(ctx, http.MethodPost, page, url.Values{"card": {cardDeclined}, "email": {p.email}})
		return err
	})
	w.injected.add("posts of a bot", times)
	w.injected.add("bad cards", int(opened.Load()))
	w.expect(strange.Load() == 0, "a bot was answered with %d", strange.Load())
	return tries{int(opened.Load()), err}
}

// passes has a stranger read the form and buy, at an address of their own.
func (w *world) passes(ctx context.Context, address string) error {
	p := w.stranger("reader")
	p.address = address
	key, err := p.read(ctx, "/membership")
	if err != nil {
		return err
	}
	if err := p.buy(ctx, key); err != nil {
		return fmt.Errorf("a person, while a bot posts: %w", err)
	}
	w.checked.add("strangers who got through", 1)
	return nil
}

// turnedAway looks what a stranger is told once everything is used up: when to come
// again, and how to go on at once.
func (w *world) turnedAway(ctx context.Context, address string) error {
	p := w.stranger("late")
	p.address = address
	key, err := p.read(ctx, "/contribute")
	if err != nil {
		return err
	}
	for range 3 { // a page may have come back meanwhile
		key += "'"
		answer, err := p.ask(ctx, http.MethodPost, "/contribute", url.Values{"amount": {"5"}, "currency": {"eur"}, "interval": {"once"}, "nonce": {key}})
		if err != nil {
			return err
		}
		if answer.status == http.StatusTooManyRequests {
			w.expect(answer.retryAfter != "" && strings.Contains(answer.body, `href="/signin?return_to=`), "a stranger is not told how to go on")
			w.checked.add("strangers told how to go on", 1)
			return nil
		}
	}
	w.expect(false, "no stranger was turned away")
	return nil
}

// memberPasses has a member buy who is signed in, at the bot's own address.
func (w *world) memberPasses(ctx context.Context) error {
	p, err := w.proven(ctx)
	if err != nil {
		return err
	}
	p.address = "2001:db8:7:7::1"
	if err := p.buy(ctx, "a-members-form"); err != nil {
		return fmt.Errorf("a member, after a bot used up everything: %w", err)
	}
	w.checked.add("members who got through", 1)
	return nil
}

// pagesOf looks that strangers had no more pages at Stripe than there are for them; one
// more is the member's.
func (w *world) pagesOf(ctx context.Context, begun time.Time) error {
	made, err := oracle.List[session](ctx, w.api, "/v1/checkout/sessions", nil)
	if err != nil {
		return err
	}
	most := w.till.room(w.till.ofStrangers, w.clock.Now().Sub(begun)) + 1
	w.expect(len(made) <= most, "%d payment pages were made at Stripe, want at most %d", len(made), most)
	w.checked.add("checkout pages", len(made))
	return nil
}
