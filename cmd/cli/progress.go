package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
)

// progress tells on stderr how far a long piece of work has come: with a running
// count on a terminal, elsewhere with a line now and then.
type progress struct {
	what  string
	bar   *progressbar.ProgressBar // nil: lines
	out   io.Writer
	next  int64 // the count that is worth a line
	count int64
}

// lineEvery is how much work a line of plain progress stands for.
const lineEvery = 10_000

func (s *streams) progress(what string) *progress {
	p := &progress{what: what, out: s.stderr, next: lineEvery}
	if file, ok := s.stderr.(*os.File); ok && isTerminal(file) {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
	}
	return p
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// set is told the count that has been reached.
func (p *progress) set(count int64) {
	p.count = count
	if p.bar != nil {
		_ = p.bar.Set64(count) // a terminal that cannot be written to shows nothing
		return
	}
	if count >= p.next {
		fmt.Fprintf(p.out, "%s: %d so far\n", p.what, count)
		p.next = count - count%lineEvery + lineEvery
	}
}

func (p *progress) add(count int) { p.set(p.count + int64(count)) }

// end clears the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
