package stripesim

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func idsOf(found []object) []string {
	out := []string{}
	for _, o := range found {
		out = append(out, str(o, "id"))
	}
	return out
}

// What an index answers is what looking at every object answers, in the same
// order, after a year of renewals, ends and removals.
func TestIndexesAnswerWhatAScanWould(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, time.January, 31, 0, 0, 0, 0, time.UTC)
	s := busyYear(t, &now)
	checked := 0
	for kind, keys := range indexed {
		for _, key := range keys {
			for _, o := range s.store.all(kind, nil) {
				value := str(o, key)
				if value == "" {
					continue
				}
				scan := s.store.all(kind, func(other object) bool { return other[key] == value })
				if diff := cmp.Diff(idsOf(scan), idsOf(s.store.where(kind, key, value))); diff != "" {
					t.Errorf("%s by %s (-scan +index):\n%s", kind, key, diff)
				}
				checked++
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d look-ups compared", checked)
	}
}

// busyYear is a simulator in which five readers have lived for a year.
func busyYear(t *testing.T, now *time.Time) *Sim {
	t.Helper()
	s, err := New(Config{Clock: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	var price object
	s.live(func() {
		var refused *apiError
		price, refused = createPrice(s, &call{params: object{
			"currency": "eur", "unit_amount": int64(500), "recurring": object{"interval": "month"}, "product_data": object{"name": "Membership"},
		}})
		if refused != nil {
			t.Fatal(refused)
		}
	})
	subscriptions, err := s.Seed(Seed{Readers: 5, Price: str(price, "id")})
	if err != nil {
		t.Fatal(err)
	}
	*now = now.AddDate(1, 0, 0)
	s.RunDue()
	for _, p := range s.Payments() {
		if err := s.Refund(p.Charge, 10); err != nil {
			t.Fatal(err)
		}
	}
	s.live(func() {
		if _, refused := deleteCustomer(s, &call{id: subscriptions[2].Customer}); refused != nil {
			t.Fatal(refused)
		}
		s.store.remove(s.store.all("refund", nil)[7])
	})
	return s
}

func TestARemovedObjectIsInNoIndexAndItsIdCanComeAgain(t *testing.T) {
	t.Parallel()
	st, err := newStore()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		st.put(object{"id": id, "object": "refund", "charge": "ch"})
	}
	st.remove(st.byID["a"])
	st.put(object{"id": "a", "object": "refund", "charge": "ch"})
	want := []string{"a", "c", "b"}
	if got := idsOf(st.where("refund", "charge", "ch")); !slices.Equal(got, want) {
		t.Errorf("by charge %v, want %v", got, want)
	}
	if got := idsOf(st.all("refund", nil)); !slices.Equal(got, want) {
		t.Errorf("all %v, want %v", got, want)
	}
}
