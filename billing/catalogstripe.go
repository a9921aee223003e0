package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// ourProducts lists the products at Stripe that carry our mark, archived ones too,
// with their prices, by plan; of several for one plan the oldest. Listed, not
// searched: Stripe's search lags behind its writes.
func (s *Service) ourProducts(ctx context.Context) (map[string]*product, error) {
	ours := map[string]*product{}
	list := s.stripe.Products.List(&stripe.ProductListParams{ListParams: page(ctx)})
	for list.Next() { // newest first
		p := list.Product()
		if p.Metadata[metaApp] != appName {
			continue
		}
		ours[p.Metadata[metaPlan]] = &product{id: p.ID, name: p.Name, description: p.Description, archived: !p.Active}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	for _, plan := range sortedKeys(ours) {
		if plan == "" {
			continue // a donation's price is made with its session
		}
		if err := s.fetchPrices(ctx, ours[plan]); err != nil {
			return nil, err
		}
	}
	return ours, nil
}

func (s *Service) fetchPrices(ctx context.Context, p *product) error {
	list := s.stripe.Prices.List(&stripe.PriceListParams{ListParams: page(ctx), Product: stripe.String(p.id)})
	for list.Next() { // newest first
		each := list.Price()
		if each.Metadata[metaApp] != appName || each.Recurring == nil {
			continue
		}
		known := price{
			id: each.ID, interval: models.Interval(each.Recurring.Interval),
			amount: money.Of(each.UnitAmount, string(each.Currency)),
		}
		p.ever = append(p.ever, known)
		if each.Active {
			p.prices = append(p.prices, known)
		}
	}
	if err := list.Err(); err != nil {
		return fmt.Errorf("list prices of %s: %w", p.id, err)
	}
	return nil
}

func productMetadata(plan string) map[string]string {
	kind := models.ProductPlan
	if plan == "" {
		kind = models.ProductDonation
	}
	return map[string]string{metaApp: appName, metaKind: string(kind), metaPlan: plan}
}

// catalogKey makes an idempotency key of everything that a request says, so that
// two newsroom hands on the same catalogue make one object.
func catalogKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "catalog_" + hex.EncodeToString(sum[:16])
}

func (s *Service) createProduct(ctx context.Context, plan, name, description string) (string, error) {
	params := &stripe.ProductParams{
		Name: stripe.String(name), Metadata: productMetadata(plan),
	}
	if description != "" {
		params.Description = stripe.String(description)
	}
	params.Context = ctx
	params.SetIdempotencyKey(catalogKey("product", plan, name, description))
	p, err := s.stripe.Products.New(params)
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

func (s *Service) updateProduct(ctx context.Context, id, name, description string) error {
	params := &stripe.ProductParams{Name: stripe.String(name), Description: stripe.String(description), Active: stripe.Bool(true)}
	params.Context = ctx
	_, err := s.stripe.Products.Update(id, params)
	return err
}

func (s *Service) archiveProduct(ctx context.Context, id string) error {
	params := &stripe.ProductParams{Active: stripe.Bool(false)}
	params.Context = ctx
	_, err := s.stripe.Products.Update(id, params)
	return err
}

// createPrice names in its key the price that comes before the new one: going back
// to an earlier amount within a day must not bring back the retired one.
func (s *Service) createPrice(ctx context.Context, plan, product string, p price, before string) (string, error) {
	name := strings.Join([]string{appName, plan, string(p.interval), p.amount.Currency}, "_")
	params := &stripe.PriceParams{
		Product:           stripe.String(product),
		Currency:          stripe.String(p.amount.Currency),
		UnitAmount:        stripe.Int64(p.amount.Minor),
		Recurring:         &stripe.PriceRecurringParams{Interval: stripe.String(string(p.interval))},
		LookupKey:         stripe.String(name),
		TransferLookupKey: stripe.Bool(true),
		Metadata:          productMetadata(plan),
	}
	params.Context = ctx
	params.SetIdempotencyKey(catalogKey("price", name, p.amount.String(), product, before))
	created, err := s.stripe.Prices.New(params)
	if err != nil {
		return "", err
	}
	return created.ID, nil
}

func (s *Service) retirePrice(ctx context.Context, id string) error {
	params := &stripe.PriceParams{Active: stripe.Bool(false)}
	params.Context = ctx
	_, err := s.stripe.Prices.Update(id, params)
	return err
}
