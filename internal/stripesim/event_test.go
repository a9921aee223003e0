package stripesim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestEventsArePagedAndFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 25 {
		w.to(start.Add(time.Duration(i) * time.Minute))
		w.customer()
	}
	from := start.Add(5 * time.Minute)
	params := &stripe.EventListParams{Types: stripe.StringSlice([]string{"customer.created", "charge.succeeded"})}
	params.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()}
	params.Limit = stripe.Int64(7)
	var created []int64
	list := w.api.Events.List(params)
	for list.Next() {
		created = append(created, list.Event().Created)
	}
	must(t, list.Err())
	newestFirst := slices.IsSortedFunc(created, func(a, b int64) int { return int(b - a) })
	if len(created) != 20 || !newestFirst || created[19] != from.Unix() {
		t.Errorf("%d events, newest first %v", len(created), newestFirst)
	}
	w.to(start.AddDate(0, 0, 40))
	if list := w.api.Events.List(nil); list.Next() {
		t.Errorf("%s is shown after 30 days", list.Event().ID)
	}
}
