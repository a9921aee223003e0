package faults

import (
	"fmt"
	"strings"
	"sync"
)

// tally counts things by name, and remembers in which order they were first named.
type tally struct {
	mu    sync.Mutex
	names []string
	count map[string]int
}

func (t *tally) add(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = map[string]int{}
	}
	if _, known := t.count[name]; !known {
		t.names = append(t.names, name)
	}
	t.count[name] += n
}

func (t *tally) of(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count[name]
}

// reset forgets everything.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names, t.count = nil, nil
}

// String is "20 events, 4 duplicates".
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	parts := make([]string, 0, len(t.names))
	for _, name := range t.names {
		if t.count[name] != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", t.count[name], name))
		}
	}
	return strings.Join(parts, ", ")
}
