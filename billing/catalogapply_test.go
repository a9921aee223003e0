package billing_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// sold is what is sold at Stripe and what is sold by our books, a line each, without
// ids: both must say the same. Retired prices are counted.
func (n *newsroom) sold() (atStripe, inBooks []string) {
	n.t.Helper()
	retired := 0
	list := n.api.Prices.List(&stripe.PriceListParams{})
	for list.Next() {
		p := list.Price()
		product, err := n.api.Products.Get(p.Product.ID, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		if !p.Active || !product.Active {
			retired++
			continue
		}
		atStripe = append(atStripe, fmt.Sprintln(p.ID, product.ID, product.Name, p.Recurring.Interval, p.UnitAmount, p.Currency))
	}
	if err := list.Err(); err != nil {
		n.t.Fatal(err)
	}
	var rows []models.Price
	if err := n.db.Where("retired_at IS NULL").Find(&rows).Error; err != nil {
		n.t.Fatal(err)
	}
	for _, p := range rows {
		var plan models.Plan
		if err := n.db.Where("id = ?", p.PlanID).Take(&plan).Error; err != nil {
			n.t.Fatal(err)
		}
		inBooks = append(inBooks, fmt.Sprintln(p.ID, p.ProductID, plan.Name, p.Interval, p.Amount, p.Currency))
	}
	slices.Sort(atStripe)
	slices.Sort(inBooks)
	return append(atStripe, fmt.Sprint(retired, " retired")), inBooks
}

// agree asserts that Stripe and our books sell the same, that this many prices are
// retired, and that the catalogue leaves nothing to do.
func (n *newsroom) agree(c billing.Catalog, prices, retired int) {
	n.t.Helper()
	atStripe, inBooks := n.sold()
	if diff := cmp.Diff(atStripe[:len(atStripe)-1], inBooks); diff != "" {
		n.t.Errorf("Stripe (-) and our books (+) differ:\n%s", diff)
	}
	if want := fmt.Sprint(retired, " retired"); len(inBooks) != prices || atStripe[len(atStripe)-1] != want {
		n.t.Errorf("%d prices, %s; want %d, %s", len(inBooks), atStripe[len(atStripe)-1], prices, want)
	}
	steps, err := n.PlanCatalog(n.t.Context(), c)
	if err != nil || len(steps) > 0 {
		n.t.Errorf("left to do: %v, %v", steps, err)
	}
}

// changed is the shipped catalogue with a new amount, a plan gone and a new one.
func changed(t *testing.T) billing.Catalog {
	c := shipped(t)
	c.Plans["member"].Prices[models.Monthly]["eur"] = "9"
	delete(c.Plans["member"].Prices, models.Yearly)
	friend := c.Plans["patron"]
	friend.Name, friend.Prices = "Friend", billing.CatalogPrices{models.Monthly: {"eur": "5"}}
	c.Plans["friend"] = friend
	delete(c.Plans, "patron")
	return c
}

// An apply that is cut off anywhere and done again ends where one does that was not:
// from nothing, and from another catalogue; where the request was lost, and where
// its answer was.
func TestAnApplyCutOffAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, lose := range []string{"request", "answer"} {
		for cut := 0; ; cut++ {
			n := open(t)
			broken, done := n.breaking(cut, lose == "request")
			_ = broken.ApplyCatalog(t.Context(), changed(t))
			n.apply(changed(t))
			n.agree(changed(t), 3, 7)
			if done() {
				break
			}
		}
	}
}

// breaking is billing whose connection breaks at the cut-th write and stays broken.
// done says that the writes were fewer.
func (n *newsroom) breaking(cut int, before bool) (broken *billing.Service, done func() bool) {
	writes := 0
	broken = n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodPost {
			writes++
		}
		switch {
		case writes <= cut:
			stripe.ServeHTTP(w, r)
		case writes == cut+1 && !before:
			stripe.ServeHTTP(httptest.NewRecorder(), r)
			fallthrough
		default:
			refuse(w, 500, "", "the answer was lost")
		}
	})
	return broken, func() bool { return writes <= cut }
}

// What was taken out of the file comes back within the day in which Stripe replays
// its keys, and can be bought again.
func TestWhatWasTakenOutCanComeBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	without := func() billing.Catalog {
		c := shipped(t)
		delete(c.Plans, "patron")
		delete(c.Plans["member"].Prices[models.Monthly], "usd")
		return c
	}
	n.agree(shipped(t), 8, 0)
	for round := 1; round <= 3; round++ {
		n.apply(without())
		n.agree(without(), 3, 5*round)
		n.apply(shipped(t))
		n.agree(shipped(t), 8, 5*round)
	}
	for _, price := range []models.Price{n.price("patron", models.Monthly, "eur"), n.price("member", models.Monthly, "usd")} {
		if _, err := n.checkout(buyer(nil), price.ID); err != nil {
			t.Errorf("%s %s cannot be bought: %v", price.PlanID, price.Currency, err)
		}
	}
}

func TestAnAmountGoesThereAndBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	for round := 1; round <= 4; round++ {
		c := shipped(t)
		c.Plans["member"].Prices[models.Monthly]["eur"] = []string{"8", "9"}[round%2]
		n.apply(c)
		n.agree(c, 8, round)
	}
}

// A new database meets an account that an older one filled: what the file does not
// name is archived, and is no row of ours.
func TestANewDatabaseMeetsAnOldAccount(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.db = pgtest.Open(t)
	n.Service = billing.New(n.db, billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{}, n.clock.now, n.real.now, discard)
	for range 2 {
		n.apply(changed(t))
		n.agree(changed(t), 3, 7)
	}
}

// The plan that newsletter readers are given can be another one, of any name.
func TestTheNewslettersPlanMoves(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, id := range []string{"a-letter", "z-letter"} {
		c := shipped(t)
		letter := c.Plans["newsletter"]
		letter.Name = id
		c.Plans[id] = letter
		given := c.Plans["newsletter"]
		given.GivenTo, given.Prices = "", billing.CatalogPrices{models.Monthly: {"eur": "1"}}
		c.Plans["newsletter"] = given
		n.apply(c)
		reader := n.member(id + "@example.org")
		if err := n.GrantNewsletter(t.Context(), reader); err != nil {
			t.Fatal(err)
		}
		if e := n.may(reader); e.Tier != id {
			t.Errorf("given %q, want %q", e.Tier, id)
		}
		if err := n.db.Exec("TRUNCATE grants CASCADE").Error; err != nil {
			t.Fatal(err)
		}
	}
}

// What belongs to the shop next door is never touched.
func TestForeignProductsAreLeftAlone(t *testing.T) {
	t.Parallel()
	n := open(t)
	mug, err := n.api.Products.New(&stripe.ProductParams{Name: stripe.String("A mug")})
	if err != nil {
		t.Fatal(err)
	}
	ours := n.price("member", models.Monthly, "eur")
	theirs, err := n.api.Prices.New(&stripe.PriceParams{
		Product: stripe.String(ours.ProductID), Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.apply(changed(t))
	if mug, err = n.api.Products.Get(mug.ID, nil); err != nil || !mug.Active {
		t.Errorf("the mug: %+v, %v", mug, err)
	}
	if theirs, err = n.api.Prices.Get(theirs.ID, nil); err != nil || !theirs.Active {
		t.Errorf("a price that somebody made by hand: %+v, %v", theirs, err)
	}
}

// A plan or feature that somebody holds cannot be taken out of the file, and trying
// changes nothing anywhere.
func TestWhatIsHeldStaysInTheFile(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	c := shipped(t)
	delete(c.Plans, "member")
	delete(c.Features, "articles:full")
	err := n.ApplyCatalog(t.Context(), c)
	if code(err) != "catalog_in_use" || !strings.Contains(err.Error(), "plan member") || !strings.Contains(err.Error(), "feature articles:full") {
		t.Errorf("%v", err)
	}
	n.agree(shipped(t), 8, 0)
}

// The other mode's prices are another till's: applying here takes none of them off
// its shelf.
func TestTheOtherModesPricesStayOnSale(t *testing.T) {
	t.Parallel()
	n := open(t)
	gone := n.price("patron", models.Monthly, "eur")
	for _, statement := range []string{
		"UPDATE products SET livemode = true WHERE id = ?", "UPDATE prices SET livemode = true WHERE product_id = ?",
	} {
		if err := n.db.Exec(statement, gone.ProductID).Error; err != nil {
			t.Fatal(err)
		}
	}
	n.apply(changed(t))
	var price models.Price
	if err := n.db.Where("id = ?", gone.ID).Take(&price).Error; err != nil || price.RetiredAt != nil {
		t.Errorf("%+v, %v", price, err)
	}
}
