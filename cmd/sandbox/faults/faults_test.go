package faults

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestEveryRowCanBeNamedAndSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range matrix {
		switch {
		case seen[r.name]:
			t.Errorf("two rows are called %q", r.name)
		case r.fault == "" || strings.ContainsAny(r.name, " |"):
			t.Errorf("row %q: %q", r.name, r.fault)
		case r.run == nil:
			t.Errorf("row %s does nothing", r.name)
		}
		seen[r.name] = true
	}
	if len(matrix) < 45 {
		t.Errorf("%d rows: some have gone", len(matrix))
	}
}

func TestAnUnknownRowIsRefusedByNamingAll(t *testing.T) {
	t.Parallel()
	_, err := choose(Options{Rows: []string{"earthquake"}})
	if err == nil || !strings.Contains(err.Error(), "earthquake") || !strings.Contains(err.Error(), "dead-endpoint") {
		t.Errorf("got %v", err)
	}
}

func TestTheLongFormHasRowsOfItsOwn(t *testing.T) {
	t.Parallel()
	has := func(o Options) bool {
		rows, err := choose(o)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(rows, func(r row) bool { return r.name == "ten-thousand" })
	}
	if has(Options{}) || !has(Options{Full: true}) || !has(Options{Rows: []string{"ten-thousand"}}) {
		t.Error("ten-thousand belongs to the long form, or to who asks for it")
	}
}

// A row that fell is an error, and counts as one.
func TestARowThatFellIsAnError(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tried := row{name: "tried", fault: "x", run: duplicated}
	if err := conclude(Options{Out: &out}, []outcome{{row: tried}, {row: tried}}, 0); err != nil || !strings.Contains(out.String(), "2 rows hold, 0 fell;") {
		t.Errorf("%v: %s", err, &out)
	}
	for _, fallen := range []outcome{{row: tried, findings: []finding{"lost"}}, {row: tried, err: errors.New("broken")}} {
		if err := conclude(Options{Out: &out, Seed: 7}, []outcome{fallen}, 0); !errors.Is(err, ErrFell) {
			t.Errorf("got %v", err)
		}
	}
	if !strings.Contains(out.String(), "make faults ROW=tried SEED=7") {
		t.Errorf("how to see it again is missing in %s", &out)
	}
}

func TestAllOrdersOfSix(t *testing.T) {
	t.Parallel()
	seen := map[[6]int]bool{}
	for _, order := range permutations(6) {
		seen[[6]int(order)] = true
	}
	if len(seen) != 720 {
		t.Errorf("%d orders", len(seen))
	}
}

// The door must know what was acknowledged by a replica, and by nobody else.
func TestTheDoorWitnessesWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	replica := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "bad") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer replica.Close()
	d, err := openDoor()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.close() }()
	post := func(event string) int {
		answer, err := http.Post("http://"+d.listener.Addr().String()+webhookPath, "application/json", strings.NewReader(`{"id":"`+event+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	if status := post("evt_nobody"); status != http.StatusBadGateway {
		t.Errorf("with no replica: %d", status)
	}
	d.open(0, replica.Listener.Addr().String())
	if post("evt_good") != http.StatusOK || post("evt_bad") != http.StatusServiceUnavailable {
		t.Error("the replica's answers were not handed on")
	}
	d.open(0, "127.0.0.1:1") // dead, and nobody has noticed yet
	if status := post("evt_dead"); status != http.StatusBadGateway {
		t.Errorf("with a dead replica: %d", status)
	}
	taken, refused := d.deliveries()
	if acked := d.acknowledged(); !slices.Equal(acked, []string{"evt_good"}) || taken != 1 || refused != 3 {
		t.Errorf("acknowledged %v, taken %d, refused %d", acked, taken, refused)
	}
}
