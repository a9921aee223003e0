package faults

import (
	"context"
	"errors"
	"fmt"
	"net/smtp"
	"net/url"
	"strings"
)

// lie is one way in which a world can be broken that the oracle must see: what is
// done, what mends it, and a word of what must be found.
type lie struct {
	name, do, undo, found string
}

// lies are told to the oracle one after the other, each by hand in the database of a
// world in which all is well.
var lies = []lie{
	{"an event lost", "CREATE TABLE kept AS SELECT * FROM stripe_events ORDER BY id LIMIT 1; DELETE FROM stripe_events WHERE id IN (SELECT id FROM kept)",
		"INSERT INTO stripe_events SELECT * FROM kept; DROP TABLE kept", "is not in the database"},
	{"a payment twice", `INSERT INTO payments (id, account, livemode, payment_intent_id, kind, status, currency, amount, refunded, disputed, paid_at, created_at, synced_at)
		SELECT gen_random_uuid(), account, livemode, 'pi_twin', kind, status, currency, amount, refunded, disputed, paid_at, created_at, synced_at FROM payments LIMIT 1`,
		"DELETE FROM payments WHERE payment_intent_id = 'pi_twin'", "no such payment of ours"},
	{"a payment missing", "UPDATE payments SET status = 'pending', paid_at = NULL WHERE id = (SELECT id FROM payments ORDER BY id LIMIT 1)",
		"UPDATE payments SET status = 'succeeded', paid_at = created_at WHERE status = 'pending'", "in the ledger 0 times"},
	{"an amount that is off by a cent", "UPDATE payments SET amount = amount + 1 WHERE id = (SELECT id FROM payments ORDER BY id LIMIT 1)",
		"UPDATE payments SET amount = amount - 1 WHERE id = (SELECT id FROM payments ORDER BY id LIMIT 1)", "is booked as"},
	{"money on another day", "UPDATE payments SET paid_at = paid_at - interval '1 day' WHERE id = (SELECT id FROM payments ORDER BY id LIMIT 1)",
		"UPDATE payments SET paid_at = paid_at + interval '1 day' WHERE id = (SELECT id FROM payments ORDER BY id LIMIT 1)", "our net is"},
	{"access a second too long", "UPDATE grants SET grace_until = grace_until + interval '1 second' WHERE id = (SELECT id FROM grants ORDER BY id LIMIT 1)",
		"UPDATE grants SET grace_until = grace_until - interval '1 second' WHERE id = (SELECT id FROM grants ORDER BY id LIMIT 1)", "may read"},
	{"access taken away", "UPDATE grants SET revoked_at = valid_from, revoked_reason = 'lie' WHERE id = (SELECT id FROM grants ORDER BY id LIMIT 1)",
		"UPDATE grants SET revoked_at = NULL, revoked_reason = '' WHERE revoked_reason = 'lie'", "may read []"},
	{"access to more", `UPDATE grants SET features = features || '["archive:full"]' WHERE id = (SELECT id FROM grants ORDER BY id LIMIT 1)`,
		`UPDATE grants SET features = features - 'archive:full'`, "archive:full"},
	{"a lease that is left", "UPDATE sync_subjects SET lease_token = gen_random_uuid(), lease_until = now() - interval '1 minute' WHERE id = (SELECT id FROM sync_subjects ORDER BY id LIMIT 1)",
		"UPDATE sync_subjects SET lease_token = NULL, lease_until = NULL", "leases are left"},
	{"a sync that is owed", "UPDATE sync_subjects SET dirty = dirty + 1, next_at = 'infinity' WHERE id = (SELECT id FROM sync_subjects ORDER BY id LIMIT 1)",
		"UPDATE sync_subjects SET dirty = synced, next_at = 'epoch' WHERE next_at = 'infinity'", "still owed"},
	{"a subject given up", "UPDATE sync_subjects SET dead_at = next_at WHERE id = (SELECT id FROM sync_subjects ORDER BY id LIMIT 1)",
		"UPDATE sync_subjects SET dead_at = NULL", "given up"},
	{"an errand that is owed", "UPDATE errands SET status = 'owed', next_at = 'infinity' WHERE kind = 'refund_payment'",
		"UPDATE errands SET status = 'done' WHERE kind = 'refund_payment'", "errands at Stripe are not done"},
	{"a second notice of one thing", `INSERT INTO river_job (state, args, kind, max_attempts, finalized_at) SELECT 'completed', args, kind, max_attempts, now() FROM river_job WHERE kind = 'duplicate_mail'`,
		"DELETE FROM river_job WHERE id = (SELECT max(id) FROM river_job WHERE kind = 'duplicate_mail')", "has 2 notices of the kind duplicate_mail"},
	{"a notice of another thing", "UPDATE river_job SET args = jsonb_build_object('errand', (SELECT id FROM errands WHERE kind = 'cancel_subscription')) WHERE kind = 'duplicate_mail'",
		"UPDATE river_job SET args = jsonb_build_object('errand', (SELECT id FROM errands WHERE kind = 'refund_payment')) WHERE kind = 'duplicate_mail'", "and told of 0 times"},
	{"a mail that nothing calls for", "UPDATE river_job SET kind = 'kept' WHERE kind = 'duplicate_mail'",
		"UPDATE river_job SET kind = 'duplicate_mail' WHERE kind = 'kept'", "was sent 1 mails about 0 things"},
}

// disbelieved tells the oracle every lie, and then such as are no rows: an oracle that
// believes one is worth nothing.
func disbelieved(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 6)
	if err != nil {
		return err
	}
	if err := errors.Join(w.guestTwice(ctx, 0), w.quiet(ctx), w.mailed(ctx, 1)); err != nil {
		return err
	}
	if _, err := w.db.Exec(ctx, "UPDATE sync_subjects SET settle_at = NULL"); err != nil { // nothing shall mend a lie but we
		return err
	}
	found, err := w.judge(ctx)
	if err != nil {
		return err
	}
	w.expect(len(found) == 0, "before any lie the oracle said %q", found)
	w.checked.reset()
	for _, l := range lies {
		if err := w.tell(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	if err := w.tellUnheard(ctx, people[0]); err != nil {
		return err
	}
	if err := w.tellTwoLive(ctx, people[1]); err != nil {
		return err
	}
	return w.tellTwice(ctx)
}

func (w *world) tell(ctx context.Context, l lie) error {
	if _, err := w.db.Exec(ctx, l.do); err != nil {
		return err
	}
	err := w.doubts(ctx, l.name, l.found)
	_, undone := w.db.Exec(ctx, l.undo)
	return errors.Join(err, undone)
}

// doubts looks that the oracle finds what is wrong.
func (w *world) doubts(ctx context.Context, name, word string) error {
	found, err := w.judge(ctx)
	if err != nil {
		return err
	}
	seen := false
	for _, f := range found {
		seen = seen || strings.Contains(string(f), word)
	}
	w.expect(seen, "the oracle did not see %s; it said %q", name, found)
	w.checked.reset()
	w.injected.add("lies", 1)
	return nil
}

// tellUnheard leaves an event undelivered.
func (w *world) tellUnheard(ctx context.Context, p *person) error {
	w.sim.StopDelivering()
	if err := w.update(ctx, p, url.Values{"metadata[note]": {"unheard"}}); err != nil {
		return err
	}
	err := w.doubts(ctx, "an event that was never taken", "was never taken")
	w.sim.StartDelivering()
	return errors.Join(err, w.quiet(ctx))
}

// tellTwoLive lets a reader pay for two memberships.
func (w *world) tellTwoLive(ctx context.Context, p *person) error {
	if err := errors.Join(w.subscribeCustomer(ctx, p, w.shop.patron.ID), w.quiet(ctx)); err != nil {
		return err
	}
	err := w.doubts(ctx, "two memberships of one reader", "memberships at a time")
	return errors.Join(err, w.cancelNow(ctx, p), w.quiet(ctx))
}

// tellTwice sends a mail twice. It comes last: it cannot be undone.
func (w *world) tellTwice(ctx context.Context) error {
	mail := "Subject: Your link\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\nContent-Type: text/plain\r\n\r\nThe same.\r\n"
	for range 2 {
		if err := smtp.SendMail(w.mails.Addr().String(), nil, "desk@example.org", []string{"reader@example.org"}, []byte(mail)); err != nil {
			return err
		}
	}
	err := w.doubts(ctx, "a mail that was sent twice", "the same mail")
	w.allowed.moreMails = true
	return err
}
