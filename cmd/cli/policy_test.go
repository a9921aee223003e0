package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/billing"
)

func (n newsroom) policy(t *testing.T, args ...string) outcome {
	t.Helper()
	return membership(t, n.settings, append([]string{"policy"}, args...)...)
}

// readerWithSlack makes one reader whose paid month ends in a minute.
func (n newsroom) readerWithSlack(t *testing.T) {
	t.Helper()
	price := ""
	for id := range n.soldTo(t, "member") {
		price = id
	}
	until := time.Now().UTC().Add(time.Minute).Truncate(time.Second)
	stretch, err := json.Marshal([]map[string]any{{"price": price, "from": until.AddDate(0, -1, 0), "until": until}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	n.exec(t, `INSERT INTO members (id, email, name, locale, created_at, updated_at)
		VALUES ('0190a000-0000-7000-8000-000000000001', 'ada@example.org', '', 'en', $1, $1)`, now)
	n.exec(t, `INSERT INTO customers (id, account, livemode, member_id, deleted, created_at)
		VALUES ('cus_1', '', false, '0190a000-0000-7000-8000-000000000001', false, $1)`, now)
	n.exec(t, `INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end,
			cancel_at_period_end, created_at, synced_at, facts_at, policy_version, stretches)
		VALUES ('sub_1', '', false, 'cus_1', 'membership', $2, 'active', $1, $1, false, $1, $1, $1, 0, $3)`, now, price, string(stretch))
}

// soldTo are the ids of a plan's prices at Stripe.
func (n newsroom) soldTo(t *testing.T, plan string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	list := n.stripe.Client().Prices.List(nil)
	for list.Next() {
		if list.Price().Metadata["plan_id"] == plan {
			ids[list.Price().ID] = true
		}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestThePolicyIsShownAndPreviewed(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.apply(t, shipped).want(0)
	n.policy(t, "show").want(0, "past_due: the renewal's charge failed", "at most 28 days", "longest_grace_days", "Version 1", "as shipped")
	n.policy(t, "preview", shipped).want(0, "Nobody would gain or lose anything.", "0 memberships")

	n.readerWithSlack(t)
	n.apply(t, changed(t, "renewal_slack_days: 3 ", "renewal_slack_days: 4 ")).want(0, "change", "policy renewal_slack_days: 4 (was: 3)")
	generous := changed(t, "renewal_slack_days: 3 ", "renewal_slack_days: 9 ")
	n.policy(t, "preview", generous).want(0,
		"0190a000-0000-7000-8000-000000000001 reads longer: until ", "(member, sub_1, renewal_due)",
		"1  reads longer  member  renewal_due", "1 memberships looked at", "Nothing was changed").wantNot("ada@")
	n.policy(t, "preview", shipped).want(0, "reads for a shorter time")
	n.policy(t, "show").want(0, "beyond what was paid for: 4 days", "Version 2")
	n.exec(t, "UPDATE subscriptions SET facts_at = NULL")
	n.policy(t, "preview", generous).want(0, "Of 1 of them the facts are not known yet")
}

// For programs each change is a line, and the sums are the last.
func TestThePolicyForPrograms(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.apply(t, shipped).want(0)
	n.readerWithSlack(t)
	out := n.policy(t, "preview", shipped, "--json").want(0)
	lines := strings.Split(strings.TrimSpace(out.stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	var change billing.PolicyChange
	var last struct{ Totals billing.PolicyTotals }
	if err := json.Unmarshal([]byte(lines[0]), &change); err != nil || change.Effect != billing.GainsAccess || change.From != nil || change.To == nil {
		t.Errorf("%+v, %v", change, err)
	}
	if err := json.Unmarshal([]byte(lines[1]), &last); err != nil || last.Totals.Members != 1 || last.Totals.Changes[0].Count != 1 {
		t.Errorf("%+v, %v", last, err)
	}
	n.policy(t, "show", "--json").want(0, `"renewal_slack_days": 3`, `"event": "collection is paused"`)
}

func TestAFaultyPolicyIsRefused(t *testing.T) {
	t.Parallel()
	file := changed(t, "refund: revoke ", "refund: perhaps ")
	membership(t, complete(), "policy", "preview", file).want(2, `policy.refund: is "perhaps", it can be revoke or keep`)
	membership(t, complete(), "policy", "preview", "nowhere.yaml").want(2, "nowhere.yaml")
	membership(t, complete(), "policy", "--help").want(0, "show", "preview")
}
