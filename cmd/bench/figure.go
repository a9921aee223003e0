package main

import (
	"fmt"
	"slices"
)

// figure is one measurement, and what was promised of it.
type figure struct {
	what    string
	value   float64
	unit    string
	promise promise
	target  float64
}

type promise string

const (
	nothing promise = ""         // told for information
	most    promise = "at most"  // the target is the most that it may be
	least   promise = "at least" // or the least
)

func atMost(what string, value, target float64, unit string) figure {
	return figure{what, value, unit, most, target}
}

func atLeast(what string, value, target float64) figure {
	return figure{what, value, "×", least, target}
}

func told(what string, value float64, unit string) figure {
	return figure{what: what, value: value, unit: unit}
}

func (f figure) kept() bool {
	switch f.promise {
	case most:
		return f.value <= f.target
	case least:
		return f.value >= f.target
	}
	return true
}

func (f figure) String() string {
	line := fmt.Sprintf("%-56s %8.4g %-11s", f.what, f.value, f.unit)
	if f.promise == nothing {
		return line
	}
	verdict := "ok"
	if !f.kept() {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s %-8s %5.4g  %s", line, f.promise, f.target, verdict)
}

// median leaves out what a busy machine did to some of the rounds.
func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}
