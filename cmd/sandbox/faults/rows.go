package faults

import (
	"context"
	"strings"
)

// row is one fault of the matrix: how its world differs, what is done in it. What
// is checked is the same for all, by the oracle; a row adds what only it can see.
type row struct {
	name  string // for ROW=
	fault string
	setting
	alone   bool   // it needs the machine for itself
	full    bool   // only in the long form
	missing string // why it is not there yet; then run is nil
	run     func(context.Context, *world) error
}

// matrix is every fault that the service must survive.
var matrix = []row{
	{name: "duplicates", fault: "a fifth of all deliveries come twice", run: duplicates},
	{name: "kill", fault: "kill -9 of every replica a second after it is ready", setting: setting{nodes: 3}, run: killed},
}

func names(rows []row) string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.name
	}
	return strings.Join(all, " ")
}
