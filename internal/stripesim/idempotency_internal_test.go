package stripesim

import (
	"net/http"
	"testing"
	"time"
)

func TestAKeyUnderWayIsInUse(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	a := newAnswers()
	c := &call{path: "/v1/customers", key: "k", params: object{"name": "Ada"}}
	if old, err := a.claim(c, now); old != nil || err != nil {
		t.Fatalf("first claim: %v, %v", old, err)
	}
	_, err := a.claim(c, now)
	if err == nil || err.status != http.StatusConflict || err.code != "idempotency_key_in_use" {
		t.Errorf("second claim: %+v", err)
	}
	a.release("k")
	if old, err := a.claim(c, now); old != nil || err != nil {
		t.Errorf("after its release: %v, %v", old, err)
	}
	a.keep("k", answer{Status: 500})
	a.release("k")
	old, err := a.claim(c, now)
	if err != nil || old == nil || old.Status != 500 {
		t.Errorf("a kept 500 is not replayed: %+v, %v", old, err)
	}
}

// A key is forgotten after its day, and its place in memory with it.
func TestKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	a := newAnswers()
	for i := range 100 {
		c := &call{path: "/v1/customers", key: string(rune('a' + i)), params: object{}}
		if _, err := a.claim(c, start.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		a.keep(c.key, answer{Status: 200})
	}
	if len(a.byKey) != 24 || len(a.claimed) != 24 {
		t.Errorf("%d answers and %d claims are kept, want those of the last 24 hours", len(a.byKey), len(a.claimed))
	}
	b := newAnswers()
	b.takeUp(a.kept(start.Add(99 * time.Hour)))
	b.forget(start.Add(99*time.Hour + 23*time.Hour))
	if len(b.byKey) != 1 || len(b.claimed) != 1 {
		t.Errorf("%d answers and %d claims after a restart and a day, want the last", len(b.byKey), len(b.claimed))
	}
}
