package faults

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// notice is what a reader is told once: to whom, of what kind, about which object.
type notice struct{ To, Kind, Object string }

// oneNotice: each transition is told once. A kind of mail about an object has one job;
// nobody was sent more mails than there are notices for them, and no mail twice; and
// each payment that we gave back for a second membership has its notice.
func (o *judge) oneNotice(ctx context.Context) error {
	told, err := o.notices(ctx)
	if err != nil {
		return err
	}
	due := map[string]int{}
	for n, jobs := range told {
		due[n.To]++
		if jobs > 1 {
			o.find("%s has %d notices of the kind %s about %s", n.To, jobs, n.Kind, n.Object)
		}
	}
	o.checked.add("notices", len(told))
	o.compareMails(due)
	o.comparePaidBack(told)
	return nil
}

// notices are the jobs that write to readers, finished or not. A kind that is not
// known here has no object, so that the second of it is found.
func (o *judge) notices(ctx context.Context) (map[notice]int, error) {
	rows, err := o.db.Query(ctx, `SELECT coalesce(m.email, m.provisional_email, a.email, ''), j.kind, coalesce(e.target, a.id::text, '')
		FROM river_job j
		LEFT JOIN errands e ON j.kind = 'duplicate_mail' AND e.id = (j.args->>'errand')::uuid LEFT JOIN members m ON m.id = e.member_id
		LEFT JOIN sign_in_attempts a ON j.kind = 'sign_in_mail' AND a.id = (j.args->>'attempt')::uuid
		WHERE j.kind LIKE '%mail'`)
	if err != nil {
		return nil, fmt.Errorf("look at the notices: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[notice])
	if err != nil {
		return nil, fmt.Errorf("look at the notices: %w", err)
	}
	told := map[notice]int{}
	for _, n := range all {
		told[n]++
	}
	return told, nil
}

func (o *judge) compareMails(due map[string]int) {
	type text struct{ to, subject, text string }
	sent, same := map[string]int{}, map[text]int{}
	mails := o.mails.Mails()
	for _, m := range mails {
		sent[m.To]++
		same[text{m.To, m.Subject, m.Text}]++
	}
	for to, n := range sent {
		if n > due[to] && !o.allowed.moreMails {
			o.find("%s was sent %d mails about %d things", to, n, due[to])
		}
	}
	for m, n := range same {
		if n > 1 && !o.allowed.moreMails {
			o.find("%s was sent the same mail %d times", m.to, n)
		}
	}
	o.checked.add("mails", len(mails))
}

// comparePaidBack holds the notices about second memberships against the refunds that
// Stripe knows to be for a duplicate.
func (o *judge) comparePaidBack(told map[notice]int) {
	about := map[string]int{}
	for n := range told {
		if n.Kind == "duplicate_mail" {
			about[n.Object]++
		}
	}
	for intent, c := range o.truth.Charges {
		back := 0
		for _, r := range c.Refunds.Data {
			if r.Reason == "duplicate" {
				back++
			}
		}
		if back != about[intent] {
			o.find("%s was given back %d times as paid for a second membership, and told of %d times", intent, back, about[intent])
		}
	}
}
