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
BenchmarkRawP256         	    2014	     60000 ns/op
PASS
`)
	want := map[string]result{
		"BenchmarkVerifyCold":   {71404, 57},
		"BenchmarkVerifyCached": {210.5, 0},
		"BenchmarkRawP256":      {60000, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
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
	for value, word := range map[float64]string{0.99: "ok", 1: "ok", 1.01: "MISSED"} {
		if line := (figure{"start", value, 1, "s"}).String(); !strings.HasSuffix(line, "  "+word) {
			t.Errorf("%v: %s", value, line)
		}
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
