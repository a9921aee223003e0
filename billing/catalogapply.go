package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// CatalogStep is one change that applying a catalogue makes.
type CatalogStep struct {
	Action string // "create product", "retire price", …
	Detail string
}

func (c CatalogStep) String() string { return fmt.Sprintf("%-15s %s", c.Action, c.Detail) }

// PlanCatalog compares a catalogue with Stripe and the database and returns what
// ApplyCatalog would do; nothing is changed. It refuses (KindConflict,
// catalog_in_use) to take away a plan or a feature that members hold.
func (s *Service) PlanCatalog(ctx context.Context, c Catalog) ([]CatalogStep, error) {
	a, err := s.compareCatalog(ctx, c)
	if err != nil {
		return nil, err
	}
	return a.steps(), nil
}

// ApplyCatalog brings Stripe and the database to the catalogue. Doing it again, or
// after it was cut off, does only what is left. It touches no product or price
// that does not carry our mark. A changed policy is in force for all replicas at once;
// the grants that were given before follow it here, or in the running service where
// this is cut off.
func (s *Service) ApplyCatalog(ctx context.Context, c Catalog) error {
	a, err := s.compareCatalog(ctx, c)
	if err != nil {
		return err
	}
	for _, change := range a.stripe {
		if err := change.do(ctx); err != nil {
			return fmt.Errorf("%s %s: %w", change.Action, change.Detail, err)
		}
	}
	if err := s.writeCatalog(ctx, a); err != nil {
		return err
	}
	_, err = s.FollowPolicy(ctx)
	return err
}

// application is a catalogue on its way: what there is, what is wanted, and the
// changes between.
type application struct {
	service  *Service
	wanted   Catalog
	products map[string]*product // by plan; "" is the one for donations; in the end those that sell
	stripe   []stripeChange
	rows     []CatalogStep
}

// product is one of ours at Stripe, with its prices.
type product struct {
	id, name, description string
	archived              bool
	prices                []price // those that are sold
	ever                  []price // retired ones too, the newest first
}

type price struct {
	id       string
	interval models.Interval
	amount   money.Money
}

// replaces says whether both are the price for the same interval in the same
// currency, of which one is sold at a time.
func (p price) replaces(old price) bool {
	return old.interval == p.interval && old.amount.Currency == p.amount.Currency
}

type stripeChange struct {
	CatalogStep
	do func(ctx context.Context) error
}

func (a *application) change(action, detail string, do func(ctx context.Context) error) {
	a.stripe = append(a.stripe, stripeChange{CatalogStep{action, detail}, do})
}

func (a *application) steps() []CatalogStep {
	var all []CatalogStep
	for _, change := range a.stripe {
		all = append(all, change.CatalogStep)
	}
	return append(all, a.rows...)
}

func (s *Service) compareCatalog(ctx context.Context, c Catalog) (*application, error) {
	if err := s.refuseInUse(ctx, c); err != nil {
		return nil, err
	}
	a := &application{service: s, wanted: c}
	var err error
	if a.products, err = s.ourProducts(ctx); err != nil {
		return nil, err
	}
	for _, id := range sortedKeys(c.Plans) {
		if plan := c.Plans[id]; len(plan.Prices) > 0 {
			a.compareProduct(id, plan.Name, plan.Description)
			a.comparePrices(id, plan)
		}
	}
	if len(c.Donations.currencies) > 0 {
		a.compareProduct("", "Contribution", "A gift to our newsroom.")
	}
	a.retireLeftOut()
	a.rows, err = s.compareRows(ctx, c)
	return a, err
}

func (a *application) compareProduct(plan, name, description string) {
	known := a.products[plan]
	switch {
	case known == nil:
		known = &product{name: name, description: description}
		a.products[plan] = known
		a.change("create product", name, func(ctx context.Context) (err error) {
			known.id, err = a.service.createProduct(ctx, plan, name, description)
			return err
		})
	case known.archived, known.name != name, known.description != description:
		a.change("update product", name, func(ctx context.Context) error {
			return a.service.updateProduct(ctx, known.id, name, description)
		})
	}
}

// comparePrices finds for each price of the plan the one that is sold at Stripe. A
// changed amount is a new price; the old one is retired and keeps granting.
func (a *application) comparePrices(plan string, p CatalogPlan) {
	known := a.products[plan]
	var sold []price
	for _, interval := range sortedKeys(p.Prices) {
		for _, currency := range sortedKeys(p.Prices[interval]) {
			amount, _ := readAmount(p.Prices[interval][currency], currency)
			at := slices.IndexFunc(known.prices, func(p price) bool { return p.interval == interval && p.amount == amount })
			if at >= 0 {
				sold = append(sold, known.prices[at])
				continue
			}
			wanted := price{interval: interval, amount: amount}
			a.createPrice(plan, known, len(sold), wanted)
			sold = append(sold, wanted)
		}
	}
	for _, old := range known.prices {
		if !slices.Contains(sold, old) {
			a.retirePrice(plan, old)
		}
	}
	known.prices = sold
}

// createPrice plans the price at index at of those that p sells once this is done.
func (a *application) createPrice(plan string, p *product, at int, wanted price) {
	before := "none"
	if i := slices.IndexFunc(p.ever, wanted.replaces); i >= 0 {
		before = p.ever[i].id
	}
	a.change("create price", priceWords(plan, wanted), func(ctx context.Context) (err error) {
		p.prices[at].id, err = a.service.createPrice(ctx, plan, p.id, wanted, before)
		return err
	})
}

func (a *application) retirePrice(plan string, old price) {
	a.change("retire price", priceWords(plan, old)+" (who holds it keeps it)", func(ctx context.Context) error {
		return a.service.retirePrice(ctx, old.id)
	})
}

// retireLeftOut archives the products of plans that the file sells no more.
func (a *application) retireLeftOut() {
	for _, plan := range sortedKeys(a.products) {
		known := a.products[plan]
		if len(a.wanted.Plans[plan].Prices) > 0 || plan == "" {
			continue
		}
		for _, old := range known.prices {
			a.retirePrice(plan, old)
		}
		if !known.archived {
			a.change("archive product", known.name, func(ctx context.Context) error {
				return a.service.archiveProduct(ctx, known.id)
			})
		}
		delete(a.products, plan)
	}
}

func priceWords(plan string, p price) string {
	return strings.Join([]string{plan, p.amount.String(), "per", string(p.interval)}, " ")
}
