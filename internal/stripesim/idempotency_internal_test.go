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
