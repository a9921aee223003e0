package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rounds is how often each benchmark runs, in turn with the others: a machine that
// slows down slows all of a round.
const rounds = 15

// suites are the packages with benchmarks of tokens, by their module's folder.
// echo-jwt is in a module of its own, so that ours does not depend on it.
var suites = []struct{ module, pkg string }{{".", "./paywall"}, {".", "./auth"}, {"cmd/bench/echojwt", "."}}

// goBenchmarks runs the benchmarks of all suites, again and again, and returns what
// each round said by the benchmark's name.
func goBenchmarks(ctx context.Context) (all []map[string]result, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var binaries []string
	for i, s := range suites {
		binary := filepath.Join(dir, strconv.Itoa(i)+".test")
		if out, err := exec.CommandContext(ctx, "go", "-C", s.module, "test", "-c", "-o", binary, s.pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the benchmarks of %s %s: %w\n%s", s.module, s.pkg, err, out)
		}
		binaries = append(binaries, binary)
	}
	for range rounds {
		round := map[string]result{}
		for i, binary := range binaries {
			out, err := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.benchtime=100ms", "-test.bench=.").Output()
			if err != nil {
				return nil, fmt.Errorf("run the benchmarks of %s: %w\n%s", suites[i].pkg, err, out)
			}
			maps.Copy(round, parse(string(out)))
		}
		all = append(all, round)
	}
	return all, nil
}

// result is what one benchmark says of one operation.
type result struct{ nanoseconds, allocations, ratio float64 }

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
			case "ratio":
				r.ratio = value
			}
		}
		name, _, _ := strings.Cut(words[0], "-")
		results[name] = r
	}
	return results
}
