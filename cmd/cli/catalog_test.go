package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stripe/stripe-go/v76"
)

const shipped = "../../catalog.yaml"

// changed is a copy of the shipped catalogue with one text replaced.
func changed(t *testing.T, old, replacement string) string {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the shipped catalogue has no %q", old)
	}
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (n newsroom) apply(t *testing.T, args ...string) outcome {
	t.Helper()
	return membership(t, n.settings, append([]string{"catalog", "apply"}, args...)...)
}

// prices are all prices at Stripe, and whether each is sold.
func (n newsroom) prices(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	list := n.stripe.Client().Prices.List(&stripe.PriceListParams{})
	for list.Next() {
		p := list.Price()
		all[fmt.Sprintf("%s %d %s per %s", p.Metadata["plan_id"], p.UnitAmount, p.Currency, p.Recurring.Interval)] = p.Active
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (n newsroom) products(t *testing.T) (names []string) {
	t.Helper()
	list := n.stripe.Client().Products.List(&stripe.ProductListParams{})
	for list.Next() {
		names = append(names, list.Product().Name)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

func (n newsroom) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), n.settings["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestDryRunSaysWhatItWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	for range 2 {
		n.apply(t, shipped, "--dry-run").want(0, "create product", "Member", "create price", "nothing was changed (--dry-run)")
	}
	if products := n.products(t); len(products) != 0 {
		t.Errorf("a dry run made %v at Stripe", products)
	}
}

func TestApplyingAgainDoesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.apply(t, shipped).want(0, "changes made")
	before := n.prices(t)
	if len(before) != 8 {
		t.Errorf("%d prices, want two plans by two intervals by two currencies: %v", len(before), before)
	}
	n.apply(t, shipped).want(0, "Nothing to do").wantNot("create", "change")
	if after := n.prices(t); len(after) != len(before) {
		t.Errorf("applying again made prices: %v", after)
	}
}

func TestChangedAmountMakesAPriceAndKeepsTheOld(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.apply(t, shipped).want(0)
	dearer := changed(t, `month: { eur: "8"`, `month: { eur: "9.50"`)
	n.apply(t, dearer).want(0, "create price", "9.50", "retire price", "who holds it keeps it")
	prices := n.prices(t)
	if active, known := prices["member 800 eur per month"]; !known || active {
		t.Errorf("the old price is gone or still sold: %v", prices)
	}
	if !prices["member 950 eur per month"] {
		t.Errorf("the new price is not sold: %v", prices)
	}
	n.apply(t, dearer).want(0, "Nothing to do")
}

func TestWhatMembersHoldIsNotTakenOut(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.apply(t, shipped).want(0)
	n.exec(t, `INSERT INTO members (id, email, name, locale, created_at, updated_at)
		VALUES ('0190a000-0000-7000-8000-000000000001', 'ada@example.org', '', 'en', $1, $1)`, time.Now())
	n.exec(t, `INSERT INTO grants (id, member_id, source, source_ref, part, account, livemode, plan_id, tier, rank, features,
			valid_from, valid_until, grace_reason, revoked_reason, effective_at, recorded_at)
		VALUES ('0190a000-0000-7000-8000-000000000002', '0190a000-0000-7000-8000-000000000001', 'subscription', 'sub_1', 'price_1', '', false,
			'patron', 'Patron', 20, '["archive:full"]', $1, $2, '', '', $1, $1)`, time.Now(), time.Now().Add(time.Hour))
	renamed := changed(t, "  patron:", "  guardian:")
	for range 2 {
		n.apply(t, renamed).want(1, "members still hold plan patron").wantNot("ada@example.org")
	}
	n.apply(t, shipped).want(0, "Nothing to do")

	n.exec(t, `UPDATE grants SET revoked_at = $1, revoked_reason = 'refunded'`, time.Now())
	n.apply(t, renamed).want(0, "archive product")
}

func TestForeignProductsStay(t *testing.T) {
	t.Parallel()
	n := open(t)
	product := &stripe.ProductParams{Name: stripe.String("Mug with a lighthouse")}
	product.AddMetadata("app", "shop")
	mug, err := n.stripe.Client().Products.New(product)
	if err != nil {
		t.Fatal(err)
	}
	n.apply(t, shipped).want(0).wantNot("Mug")
	n.apply(t, changed(t, `month: { eur: "8"`, `month: { eur: "9"`)).want(0).wantNot("Mug")
	after, err := n.stripe.Client().Products.Get(mug.ID, nil)
	if err != nil || !after.Active || after.Name != mug.Name || after.Metadata["app"] != "shop" {
		t.Errorf("the shop's mug is now %+v (%v)", after, err)
	}
}

// A faulty file is refused before anything is asked of Stripe: the settings here
// lead nowhere.
func TestFaultyCatalogueIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, replacement, says string }{
		"unknown key":        {"    rank: 10", "    rnak: 10", "rnak"},
		"unknown at the top": {"features:\n", "colour: red\nfeatures:\n", "colour"},
		"unknown donation":   {`maximum: "5000" }`, `maximun: "5000" }`, "maximun"},
		"unknown feature":    {"features: [sources:links]", "features: [sources:all]", `"sources:all" is not under features`},
		"bad amount":         {`eur: "8"`, `eur: "eight"`, `"eight"`},
		"negative amount":    {`eur: "8"`, `eur: "-8"`, `"-8"`},
		"unknown currency":   {`eur: "8"`, `euro: "8"`, `"euro"`},
		"bad interval":       {"month: {", "fortnight: {", `"fortnight"`},
		"not yaml":           {"features:\n", "features: [\n", "catalogue cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			membership(t, complete(), "catalog", "apply", changed(t, test.old, test.replacement)).want(2, test.says)
		})
	}
}

func TestCatalogueNeedsTheSchema(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.exec(t, "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	n.apply(t, shipped).want(1, "membership migrate")
}
