package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"newsroom.example/membership/internal/pglocal"
)

// rows is what pgbench does for one event: the same two rows, and nothing else.
const rows = `\set event random(1, 1000000000000)
\set customer random(1, 2000)
WITH marked AS (
	INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at) VALUES ('cus_' || :customer, '', false, 'customer', 1, now())
	ON CONFLICT (id) DO UPDATE SET dirty = sync_subjects.dirty + 1 RETURNING id, dirty
)
INSERT INTO stripe_events (id, account, livemode, type, api_version, object_type, object_id, quarantined, subject_id, dirty, body_hash, created_at, received_at)
SELECT 'evt_' || :event, '', false, 'invoice.paid', '2023-10-16', 'invoice', 'in_1', false, id, dirty, sha256('x'), now(), now() FROM marked
ON CONFLICT (id) DO NOTHING;
`

// pgbenchRate is how many events a second Postgres takes when nothing is in its way,
// one commit each.
func pgbenchRate(ctx context.Context, postgres *pglocal.Server, url string, clients int) (perSecond float64, err error) {
	bin, err := pglocal.Binaries(filepath.Join(postgres.Dir(), "data"))
	if err != nil {
		return 0, err
	}
	script, err := os.CreateTemp("", "bench*.sql")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(script.Name()) }()
	defer script.Close()
	if _, err := script.WriteString(rows); err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "pgbench"), "--no-vacuum", "--protocol=prepared", "--time=2",
		fmt.Sprintf("--client=%d", clients), "--file="+script.Name(), url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return ratePerSecond(string(out))
}

// ratePerSecond reads the line "tps = 1234.5 (without initial connection time)".
func ratePerSecond(output string) (perSecond float64, err error) {
	for line := range strings.Lines(output) {
		if _, err := fmt.Sscanf(line, "tps = %f", &perSecond); err == nil {
			return perSecond, nil
		}
	}
	return 0, fmt.Errorf("pgbench: no rate in\n%s", output)
}
