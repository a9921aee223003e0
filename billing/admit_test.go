package billing_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/limits"
	"newsroom.example/membership/models"
)

// tills are two processes on one database that count by one till.
func (n *newsroom) tills(till billing.Till) []*billing.Service {
	both := []*billing.Service{n.Service, n.served(billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{}, discard)}
	for _, s := range both {
		till.Limits = limits.New([]byte("pepper"), n.clock.now)
		s.CountBy(till)
	}
	return both
}

// stranger is a buyer whom nobody knows, at an address of that number.
func stranger(i int) billing.Buyer {
	b := buyer(nil)
	b.IP = fmt.Sprintf("203.%d.%d.7", i/250, i%250)
	return b
}

// knock posts so many forms at once, memberships and gifts by turns, and counts the
// answers: "" is a page.
func (n *newsroom) knock(at []*billing.Service, times int, who func(i int) billing.Buyer) map[string]int {
	n.t.Helper()
	price := n.price("member", models.Monthly, "eur").ID
	answers := make([]string, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() {
			var err error
			if i/2%2 == 0 {
				_, err = at[i%2].StartCheckout(n.t.Context(), billing.Checkout{Buyer: who(i), PriceID: price})
			} else {
				g := gift(nil, "5", models.Once)
				g.Buyer = who(i)
				_, err = at[i%2].StartDonation(n.t.Context(), g)
			}
			if answers[i] = code(err); err != nil && answers[i] == "" {
				n.t.Error(err)
			}
		})
	}
	all.Wait()
	counted := map[string]int{}
	for _, answer := range answers {
		counted[answer]++
	}
	return counted
}

func (n *newsroom) want(what string, got, want any) {
	n.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		n.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTheCapHoldsForAllProcessesTogether(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.want("100 at once, against a cap of 10", n.knock(n.tills(billing.Till{OfStrangers: 10}), 100, stranger),
		map[string]int{"": 10, "checkout_crowded": 90})
	n.want("pages at Stripe", len(n.openSessions()), 10)
	n.want("intents", n.intents(), int64(10))
	var gifts int64
	if err := n.db.Model(&models.Donation{}).Where("id NOT IN (SELECT donation_id FROM checkout_intents WHERE donation_id IS NOT NULL)").Count(&gifts).Error; err != nil {
		t.Fatal(err)
	}
	n.want("gifts that were kept and refused", gifts, int64(0))
}

func TestWhoIsRefusedIsToldHowLong(t *testing.T) {
	t.Parallel()
	n := open(t)
	both := n.tills(billing.Till{OfStrangers: 10})
	n.knock(both, 10, stranger)
	_, err := n.checkout(stranger(11), n.price("member", models.Monthly, "eur").ID)
	var refused *billing.Error
	if !errors.As(err, &refused) || refused.Kind != billing.KindLimited {
		t.Fatalf("%v", err)
	}
	n.want("the wait", refused.Wait, 6*time.Minute)
	n.clock.advance(refused.Wait)
	n.want("after it", n.knock(both, 4, stranger), map[string]int{"": 1, "checkout_crowded": 3})
}

// Nobody can keep a member out: neither strangers at their address nor other members.
func TestAMemberHasABudgetOfTheirOwn(t *testing.T) {
	t.Parallel()
	n := open(t)
	both := n.tills(billing.Till{OfStrangers: 1, PerNetwork: 1, PerMember: 3})
	here := func(member *uuid.UUID) func(int) billing.Buyer {
		return func(int) billing.Buyer {
			b := buyer(member)
			b.IP, b.Hasty = "203.0.113.7", true
			return b
		}
	}
	n.want("strangers", n.knock(both, 10, here(nil)), map[string]int{"": 1, "checkout_crowded": 9})
	for _, name := range []string{"ada@example.org", "bob@example.org"} {
		member := n.member(name)
		gifts := func(times int) map[string]int {
			counted := map[string]int{}
			for i := range times {
				g := gift(&member, "5", models.Once)
				g.Buyer = here(&member)(i)
				_, err := both[i%2].StartDonation(t.Context(), g)
				counted[code(err)]++
			}
			return counted
		}
		n.want(name, gifts(5), map[string]int{"": 3, "checkout_often": 2})
	}
}

// One household's or office's addresses are one: who is refused for their network uses
// up nothing of anybody else's.
func TestANetworkHasOneBudget(t *testing.T) {
	t.Parallel()
	n := open(t)
	both := n.tills(billing.Till{PerNetwork: 3, OfStrangers: 5})
	for network, at := range map[string]string{"one /64": "2001:db8:7::%x", "one /24": "198.51.100.%d"} {
		from := func(i int) billing.Buyer {
			b := buyer(nil)
			b.IP = fmt.Sprintf(at, i+1)
			return b
		}
		got := n.knock(both, 50, from)[""]
		if got != 3 && got != 2 {
			t.Errorf("%s opened %d pages", network, got)
		}
	}
	n.want("pages in all", len(n.openSessions()), 5)
}

func TestFormsThatNobodyReadHaveAShare(t *testing.T) {
	t.Parallel()
	n := open(t)
	both := n.tills(billing.Till{OfStrangers: 20})
	hasty := func(i int) billing.Buyer {
		b := stranger(i)
		b.Hasty = true
		return b
	}
	n.want("a program", n.knock(both, 40, hasty), map[string]int{"": 5, "checkout_hasty": 35})
	_, err := n.checkout(hasty(50), n.price("member", models.Monthly, "eur").ID)
	var refused *billing.Error
	if !errors.As(err, &refused) || refused.Wait != billing.LeastRead {
		t.Errorf("%v, to wait %v", err, refused)
	}
	n.want("people", n.knock(both, 40, stranger), map[string]int{"": 15, "checkout_crowded": 25})
}

// A double click on the last page there is leads where the first click does.
func TestAFormThatIsSentTwiceIsCountedOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	both := n.tills(billing.Till{PerNetwork: 1, OfStrangers: 1})
	form := gift(nil, "5", models.Once)
	var turn atomic.Int64
	var clicks sync.WaitGroup
	n.whileHeld("sign_in_limits", 2, func() {
		clicks.Go(func() {
			n.onePage(2, func() (string, error) { return both[turn.Add(1)%2].StartDonation(t.Context(), form) })
		})
	}, func() {})
	clicks.Wait()
	n.want("intents", n.intents(), int64(1))
}
