package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rounds is how often each benchmark runs, in turn with the others: a machine that
// slows down slows all of a round.
const rounds = 15

// measurePaywall runs the paywall's own benchmarks.
func measurePaywall(ctx context.Context) ([]figure, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "paywall.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./paywall").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the benchmarks of paywall: %w\n%s", err, out)
	}
	samples := map[string][]float64{}
	for range rounds {
		out, err := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.benchtime=100ms", "-test.bench=.").Output()
		if err != nil {
			return nil, fmt.Errorf("run the benchmarks of paywall: %w", err)
		}
		for name, value := range paywallRatios(parse(string(out))) {
			if math.IsNaN(value) || math.IsInf(value, 0) {
				return nil, fmt.Errorf("a benchmark of paywall is missing for %s in\n%s", name, out)
			}
			samples[name] = append(samples[name], value)
		}
	}
	return []figure{
		atMost("paywall: token seen first ÷ raw P-256 check", median(samples["ES256"]), 1.25, "×"),
		atMost("paywall: token seen first ÷ raw Ed25519 check", median(samples["EdDSA"]), 1.25, "×"),
		atMost("paywall: token seen before ÷ seen first", median(samples["cached"]), 0.5, "%"),
		atMost("paywall: token seen before", median(samples["allocations"]), 0, "allocations"),
		atMost("paywall: token of an unknown key ÷ seen first", median(samples["unknown"]), 5, "%"),
		atMost("paywall: Require around an empty handler ÷ token seen first", median(samples["Require"]), 10, "%"),
	}, nil
}

// paywallRatios compares the benchmarks of one round. One that is missing makes a
// ratio infinite or no number.
func paywallRatios(r map[string]result) map[string]float64 {
	time := func(name string) float64 { return r["Benchmark"+name].nanoseconds }
	return map[string]float64{
		"ES256":       time("VerifyCold") / time("RawP256"),
		"EdDSA":       time("VerifyColdEdDSA") / time("RawEd25519"),
		"cached":      100 * time("VerifyCached") / time("VerifyCold"),
		"unknown":     100 * time("UnknownKid") / time("VerifyCold"),
		"Require":     100 * time("Require") / time("VerifyCold"),
		"allocations": r["BenchmarkVerifyCached"].allocations,
	}
}

// result is what one benchmark says of one operation.
type result struct{ nanoseconds, allocations float64 }

// parse reads the lines of Go's benchmarks, such as
// "BenchmarkX-2  1234  56.7 ns/op  0 B/op  0 allocs/op".
func parse(output string) map[string]result {
	results := map[string]result{}
	for line := range strings.Lines(output) {
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		var r result
		for i := 3; i < len(words); i += 2 {
			value, _ := strconv.ParseFloat(words[i-1], 64)
			switch words[i] {
			case "ns/op":
				r.nanoseconds = value
			case "allocs/op":
				r.allocations = value
			}
		}
		name, _, _ := strings.Cut(words[0], "-")
		results[name] = r
	}
	return results
}
