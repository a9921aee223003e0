package main

import (
	"context"
	"fmt"
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
	var cold, cached, allocations []float64
	for range rounds {
		out, err := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.benchtime=100ms",
			"-test.bench=^Benchmark(RawP256|VerifyCold|VerifyCached)$").Output()
		if err != nil {
			return nil, fmt.Errorf("run the benchmarks of paywall: %w", err)
		}
		r := parse(string(out))
		raw, fresh, known := r["BenchmarkRawP256"], r["BenchmarkVerifyCold"], r["BenchmarkVerifyCached"]
		if raw.nanoseconds == 0 || fresh.nanoseconds == 0 || known.nanoseconds == 0 {
			return nil, fmt.Errorf("a benchmark of paywall is missing in\n%s", out)
		}
		cold = append(cold, fresh.nanoseconds/raw.nanoseconds)
		cached = append(cached, 100*known.nanoseconds/fresh.nanoseconds)
		allocations = append(allocations, known.allocations)
	}
	return []figure{
		atMost("paywall: token seen first ÷ raw P-256 check", median(cold), 1.25, "×"),
		atMost("paywall: token seen before ÷ seen first", median(cached), 0.5, "%"),
		atMost("paywall: token seen before", median(allocations), 0, "allocations"),
	}, nil
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
