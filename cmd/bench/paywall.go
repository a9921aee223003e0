package main

import (
	"context"
	"fmt"
	"math"
)

// comparison is a figure that the benchmarks of one round make: how long one takes
// against another, or by itself; or the ratio of two that one benchmark has timed in
// turn, where little is between them.
type comparison struct {
	what   string
	of, to string  // to "": in µs, or of's own ratio
	most   float64 // 0: told for information
	unit   string
}

var comparisons = []comparison{
	{"paywall: token seen first, ES256", "VerifyCold", "", 0, "µs"},
	{"paywall: token seen first ÷ raw P-256 check", "ColdBesideRawP256", "", 1.25, "×"},
	{"paywall: token seen first ÷ raw Ed25519 check", "ColdBesideRawEd25519", "", 1.25, "×"},
	{"paywall: token seen before ÷ seen first", "VerifyCached", "VerifyCold", 0.5, "%"},
	{"paywall: token of an unknown key ÷ seen first", "UnknownKid", "VerifyCold", 5, "%"},
	{"paywall: Require around an empty handler ÷ token seen first", "Require", "VerifyCold", 10, "%"},
	{"golang-jwt and a key function ÷ paywall, token seen first", "GolangJWTBesideCold", "", 0, "×"},
	{"echo-jwt around an empty handler ÷ Require, seen first", "EchoJWT", "RequireCold", 0, "×"},
	{"echo-jwt around an empty handler ÷ Require, seen before", "EchoJWT", "Require", 0, "×"},
	{"auth: token signed, ES256", "Sign", "", 0, "µs"},
	{"auth: token signed ÷ raw P-256 signature", "SignBesideRawP256", "", 1.35, "×"},
	{"auth: token signed ÷ raw Ed25519 signature", "SignBesideRawEd25519", "", 1.35, "×"},
}

// measurePaywall is what it costs to check a token, and to sign one.
func measurePaywall(ctx context.Context) ([]figure, error) {
	all, err := goBenchmarks(ctx)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, c := range comparisons {
		f, err := c.figure(all)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	var allocations []float64
	for _, round := range all {
		allocations = append(allocations, round["BenchmarkVerifyCached"].allocations)
	}
	return append(figures, atMost("paywall: token seen before", median(allocations), 0, "allocations")), nil
}

// figure is the median over the rounds.
func (c comparison) figure(rounds []map[string]result) (figure, error) {
	var values []float64
	for _, round := range rounds {
		value := c.in(round)
		if math.IsNaN(value) || math.IsInf(value, 0) || value == 0 {
			return figure{}, fmt.Errorf("a benchmark is missing for %q", c.what)
		}
		values = append(values, value)
	}
	if c.most == 0 {
		return told(c.what, median(values), c.unit), nil
	}
	return atMost(c.what, median(values), c.most, c.unit), nil
}

// in is the figure of one round. A benchmark that is missing makes it infinite, zero
// or no number.
func (c comparison) in(round map[string]result) float64 {
	one, other := round["Benchmark"+c.of], round["Benchmark"+c.to]
	switch c.unit {
	case "µs":
		return one.nanoseconds / 1000
	case "%":
		return 100 * one.nanoseconds / other.nanoseconds
	}
	if c.to == "" {
		return one.ratio
	}
	return one.nanoseconds / other.nanoseconds
}
