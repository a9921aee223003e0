package billing_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"newsroom.example/membership/billing"
)

// What every replica asks every ten seconds is answered by an index, however many
// members there are: nearly always the answer is that there is nothing to do.
func TestIdleQuestionsAreCheap(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, statement := range []string{
		`INSERT INTO members (id, email, name, locale, created_at, updated_at)
			SELECT md5('m' || i)::uuid, 'r' || i || '@example.org', '', 'en', now(), now() FROM generate_series(1, 20000) i`,
		`INSERT INTO customers (id, account, livemode, member_id, deleted, created_at)
			SELECT 'cus_' || i, '', false, md5('m' || i)::uuid, false, now() FROM generate_series(1, 20000) i`,
		`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end,
				cancel_at_period_end, created_at, synced_at, facts_at, stretches, policy_version)
			SELECT 'sub_' || i, '', false, 'cus_' || i, 'membership', 'price_1', 'active', now(), now(),
				false, now(), now(), now(), '[]', (SELECT version FROM policy) FROM generate_series(1, 20000) i`,
		`INSERT INTO sync_subjects (id, account, livemode, kind, dirty, claimed, synced, next_at, synced_at)
			SELECT 'cus_' || i, '', false, 'customer', 3, 3, 3, now(), now() FROM generate_series(1, 20000) i`,
		"ANALYZE",
	} {
		if err := n.db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	for scan, question := range map[string]struct {
		statement string
		with      []any
	}{
		"using subscriptions_without_facts": {billing.WithoutFacts, []any{false, n.real.now(), 100}},
		"Index Cond: (policy_version <":     {billing.BehindPolicy, []any{100}},
	} {
		if plan := n.plan(question.statement, question.with...); !strings.Contains(plan, scan) {
			t.Errorf("not %s:\n%s", scan, plan)
		}
	}
}

// plan is how Postgres would answer where going through a whole table is dear.
func (n *newsroom) plan(statement string, with ...any) string {
	n.t.Helper()
	var lines []string
	err := n.db.Write(n.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("SET LOCAL enable_seqscan = off").Error; err != nil {
			return err
		}
		return tx.Raw("EXPLAIN "+statement, with...).Scan(&lines).Error
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
