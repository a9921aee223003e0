package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got := parse(`goos: linux
BenchmarkVerifyCold-2    	    1686	     71404 ns/op	    3712 B/op	      57 allocs/op
BenchmarkVerifyCached-2  	 4567890	     210.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkRequire         	    2014	     60000 ns/op
BenchmarkColdBesideRaw-2 	    2014	     60000 ns/op	         1.125 ratio
PASS
`)
	want := map[string]result{
		"BenchmarkVerifyCold":    {71404, 57, 0},
		"BenchmarkVerifyCached":  {210.5, 0, 0},
		"BenchmarkRequire":       {60000, 0, 0},
		"BenchmarkColdBesideRaw": {60000, 0, 1.125},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
}

// A figure needs both of its benchmarks in every round.
func TestComparison(t *testing.T) {
	t.Parallel()
	round := map[string]result{"BenchmarkA": {nanoseconds: 3000, ratio: 1.25}, "BenchmarkB": {nanoseconds: 2000}}
	for want, c := range map[float64]comparison{
		3:    {of: "A", unit: "µs"},
		1.25: {of: "A", unit: "×", most: 2},
		1.5:  {of: "A", to: "B", unit: "×", most: 2},
		150:  {of: "A", to: "B", unit: "%", most: 100},
	} {
		f, err := c.figure([]map[string]result{round, round})
		if err != nil || f.value != want || f.kept() == (want == 150) {
			t.Errorf("%+v: %v, %v", c, f, err)
		}
	}
	for _, c := range []comparison{{of: "C", unit: "µs"}, {of: "B"}, {of: "C", to: "A"}, {of: "A", to: "C"}, {of: "C", to: "D", unit: "%"}} {
		if f, err := c.figure([]map[string]result{round}); err == nil {
			t.Errorf("%+v: %v", c, f)
		}
	}
}

func TestMedianIgnoresABadRound(t *testing.T) {
	t.Parallel()
	if got := median([]float64{3, 900, 1, 2, 3}); got != 3 {
		t.Errorf("got %v", got)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for value, words := range map[float64][2]string{0.99: {"ok", "MISSED"}, 1: {"ok", "ok"}, 1.01: {"MISSED", "ok"}} {
		for i, f := range []figure{atMost("start", value, 1, "s"), atLeast("speed", value, 1)} {
			if line := f.String(); !strings.HasSuffix(line, "  "+words[i]) || f.kept() != (words[i] == "ok") {
				t.Errorf("%v: %s", value, line)
			}
		}
	}
	if f := told("size", 7, "MB"); !f.kept() || strings.Contains(f.String(), "ok") {
		t.Errorf("a figure without a promise: %s", f)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 100 {
		values = append(values, float64(100-i))
	}
	if got := percentile(values, 0.99); got != 100 {
		t.Errorf("got %v", got)
	}
	if got := percentile(values, 0.5); got != 51 {
		t.Errorf("got %v", got)
	}
}

func TestResidentMemory(t *testing.T) {
	t.Parallel()
	got, err := residentIn("Name:\tmembership\nVmHWM:\t   50000 kB\nVmRSS:\t   25000 kB\n")
	if err != nil || got != 25.6 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := residentIn("Name:\tmembership\n"); err == nil {
		t.Error("no VmRSS was taken for some")
	}
}

func TestPgbenchRate(t *testing.T) {
	t.Parallel()
	got, err := ratePerSecond("latency average = 0.3 ms\ntps = 3211.25 (without initial connection time)\n")
	if err != nil || got != 3211.25 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ratePerSecond("pgbench: error\n"); err == nil {
		t.Error("no rate was taken for some")
	}
}

// Ratios are taken salvo by salvo: what slows one slows both.
func TestRatios(t *testing.T) {
	t.Parallel()
	r := results{}
	for _, speed := range []float64{1000, 10, 500} {
		r.add("ours", 1, volley{perSecond: 2 * speed})
		r.add("gorm", 1, volley{perSecond: speed})
	}
	if got := r.over("ours", "gorm", 1); got != 2 {
		t.Errorf("got %v", got)
	}
	if got := r.of("ours", 1, rate); got != 1000 {
		t.Errorf("got %v", got)
	}
}

// A letter is a whole delivery, which our own intake would take.
func TestLetters(t *testing.T) {
	t.Parallel()
	text := string(letter("evt_7", "cus_9"))
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	if !strings.Contains(body, `"id": "evt_7"`) || !strings.Contains(body, `"customer": "cus_9"`) || !strings.Contains(head, "Stripe-Signature: t=") {
		t.Errorf("%s", text)
	}
}
