package tour

import (
	"context"
	"fmt"
	"strings"
)

// healing is a refund of which no webhook tells, until a sweep finds it.
type healing struct{ *reader }

func (t *tour) healing() journey {
	h := &healing{t.reader("jonas")}
	return journey{"Jonas's refund is never heard of", []step{
		{"Explained, before", h.before},
		{"The lost webhooks", h.lost},
		{"The sweep", h.sweep},
		{"Explained, after", h.after},
	}}
}

func (h *healing) before(ctx context.Context) (string, error) {
	var err error
	if h.reader, err = h.member(ctx, "jonas"); err != nil {
		return "", err
	}
	return h.explained(ctx, "until")
}

func (h *healing) lost(ctx context.Context) (string, error) {
	if err := h.lose(ctx, "1000"); err != nil {
		return "", err
	}
	if err := h.pressIn(ctx, "payments", h.address, "Refund"); err != nil {
		return "", err
	}
	if err := h.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	_, err := h.finds(ctx, true, renewed)
	return "Stripe has given the money back, our books know nothing of it: the article stays open", err
}

func (h *healing) sweep(ctx context.Context) (string, error) {
	said, err := h.Staff(ctx, "reconcile", "--money", "--wait")
	if err != nil {
		return "", err
	}
	if err := h.pass(ctx, "15 minutes"); err != nil {
		return "", err
	}
	if _, err := h.finds(ctx, false, renewed); err != nil {
		return "", err
	}
	return "membership reconcile --money --wait\n" + strings.TrimSpace(said) + "\nthe next token opens nothing: the wall", h.lose(ctx, "0")
}

func (h *healing) after(ctx context.Context) (string, error) { return h.explained(ctx, "refunded") }

// explained is what the staff are told of a reader and the articles, which must have
// these words.
func (r *reader) explained(ctx context.Context, words string) (string, error) {
	said, err := r.Staff(ctx, "explain", r.address)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(strings.TrimSpace(line), "articles:full ") && strings.Contains(line, words) {
			return "membership explain " + r.address + "\n" + strings.TrimSpace(line), nil
		}
	}
	return "", unlike(fmt.Sprintf("articles:full with the word %q", words), said)
}
