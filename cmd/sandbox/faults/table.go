package faults

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

func (o outcome) verdict() string {
	if o.holds() {
		return "holds"
	}
	return "FELL"
}

// writeTable prints the outcomes as a table that reads well as it is and as
// Markdown.
func writeTable(out io.Writer, outcomes []outcome) {
	lines := [][]string{{"row", "fault", "injected", "checked", "verdict", "time"}}
	for _, o := range outcomes {
		lines = append(lines, []string{o.name, o.fault, o.injected, o.checked, o.verdict(), fmt.Sprintf("%.1f s", o.took.Seconds())})
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(out)
	for n, line := range lines {
		writeLine(out, line, widths, " ")
		if n == 0 {
			writeLine(out, make([]string, len(line)), widths, "-")
		}
	}
}

func writeLine(out io.Writer, cells []string, widths []int, fill string) {
	var text strings.Builder
	for i, cell := range cells {
		text.WriteString("|" + fill + cell + strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)+1))
	}
	fmt.Fprintln(out, text.String()+"|")
}

// conclude says what fell and how to see it again.
func conclude(o Options, outcomes []outcome, took time.Duration) error {
	fell := 0
	fmt.Fprintln(o.Out)
	for _, each := range outcomes {
		if !each.holds() {
			fell++
			explain(o, each)
		}
	}
	fmt.Fprintf(o.Out, "%d rows hold, %d fell; seed %d, %.0f s\n", len(outcomes)-fell, fell, o.Seed, took.Seconds())
	if fell > 0 {
		return ErrFell
	}
	return nil
}

// shown is how many findings of a row are printed.
const shown = 10

func explain(o Options, each outcome) {
	fmt.Fprintf(o.Out, "%s fell:\n", each.name)
	if each.err != nil {
		fmt.Fprintf(o.Out, "  %v\n", each.err)
	}
	for i, f := range each.findings {
		if i == shown {
			fmt.Fprintf(o.Out, "  and %d more\n", len(each.findings)-shown)
			break
		}
		fmt.Fprintf(o.Out, "  %s\n", f)
	}
	fmt.Fprintf(o.Out, "  logs: %s/%s; again: make faults ROW=%s SEED=%d\n\n", o.Dir, each.name, each.name, o.Seed)
}
