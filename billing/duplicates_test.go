package billing_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

// twin opens a second page of the member's newest intent, as Stripe would have it if
// our guard failed; change makes it another offer.
func (n *newsroom) twin(reader uuid.UUID, metadata map[string]string, change ...func(*stripe.CheckoutSessionParams)) string {
	n.t.Helper()
	customer, err := n.api.Customers.New(&stripe.CustomerParams{Metadata: map[string]string{"member_id": reader.String()}})
	if err != nil {
		n.t.Fatal(err)
	}
	params := &stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://members.example.news"), Customer: &customer.ID,
		LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(n.price("member", models.Monthly, "eur").ID), Quantity: stripe.Int64(1)}},
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: metadata},
	}
	for _, each := range change {
		each(params)
	}
	session, err := n.api.CheckoutSessions.New(params)
	if err != nil {
		n.t.Fatal(err)
	}
	return session.URL
}

// boughtTwice is a reader who has paid two memberships, the second of which is to be
// given back.
func boughtTwice(t *testing.T) (*newsroom, uuid.UUID) {
	t.Helper()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.twin(reader, n.intent()), simtest.Pays)
	n.settle()
	return n, reader
}

// errand carries out one that is owed.
func (n *newsroom) errand() {
	n.t.Helper()
	if worked, err := n.Errand(n.t.Context()); err != nil || !worked {
		n.t.Fatal(worked, err)
	}
}

func (n *newsroom) intent() map[string]string {
	n.t.Helper()
	var intent models.CheckoutIntent
	if err := n.db.Order("created_at DESC").Take(&intent).Error; err != nil {
		n.t.Fatal(err)
	}
	return map[string]string{"intent_id": intent.ID.String()}
}

// heal works off errands and what they make dirty, until nothing is owed.
func (n *newsroom) heal() {
	n.t.Helper()
	for range 5 {
		n.settle()
		for {
			worked, err := n.Errand(n.t.Context())
			if err != nil {
				n.t.Fatal(err)
			}
			if !worked {
				break
			}
		}
	}
	n.settle()
}

// oneLeft asserts that one membership goes on, the first, and every other one was
// given back whole, once.
func (n *newsroom) oneLeft(reader uuid.UUID, bought int) {
	n.t.Helper()
	live, refunded := 0, 0
	subs := n.stripe.Sim.Subscriptions()
	for _, sub := range subs {
		if sub.Status == "active" {
			live++
		}
	}
	for _, p := range n.ledger() {
		if p.Refunded == p.Amount {
			refunded++
		} else if p.Refunded != 0 {
			n.t.Errorf("refunded in part: %+v", p)
		}
	}
	if len(subs) != bought || live != 1 || refunded != bought-1 {
		n.t.Errorf("%d bought, %d live, %d given back", len(subs), live, refunded)
	}
	var refunds int64
	if err := n.db.Model(&models.Refund{}).Count(&refunds).Error; err != nil || int(refunds) != bought-1 {
		n.t.Errorf("%d refunds, %v", refunds, err)
	}
	n.reads(reader, true)
}

// healings is the audit log of it.
func (n *newsroom) healings() int64 {
	n.t.Helper()
	var count int64
	if err := n.db.Model(&models.AuditEntry{}).Where("action = 'duplicate.healed' AND actor = 'billing'").Count(&count).Error; err != nil {
		n.t.Fatal(err)
	}
	return count
}

// Both tabs, or all three, were paid at once: the first membership stays, the others
// are given back, once, whoever works and however often.
func TestASecondMembershipIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, bought := range map[string]int{"both tabs": 2, "three at once": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
			if err != nil {
				t.Fatal(err)
			}
			pages := []string{page}
			for range bought - 1 {
				pages = append(pages, n.twin(reader, n.intent()))
			}
			stop := n.running(n.Service)
			var tabs sync.WaitGroup
			for _, page := range pages {
				tabs.Go(func() { n.stripe.Pay(t, page, simtest.Pays) })
			}
			tabs.Wait()
			eventually(t, func() bool { return n.healings() == int64(2*(bought-1)) })
			stop()
			n.heal()
			n.oneLeft(reader, bought)
			n.pass(40 * day)
			n.heal()
			if got := n.healings(); got != int64(2*(bought-1)) {
				t.Errorf("healed %d times", got)
			}
			n.reads(reader, true)
		})
	}
}

// A guest and a signed-in reader who turn out to be one member.
func TestAGuestAndAMemberWhoAreOne(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.PayAs(t, page, simtest.Pays, "guest@example.org")
	n.settle()
	var guest models.Member
	if err := n.db.Take(&guest).Error; err != nil {
		t.Fatal(err)
	}
	n.clock.advance(time.Hour)
	n.stripe.Pay(t, n.twin(guest.ID, n.intent()), simtest.Pays)
	n.heal()
	n.oneLeft(guest.ID, 2)
	var kept models.Subscription
	if err := n.db.Where("status = ?", models.Active).Take(&kept).Error; err != nil || kept.CreatedAt.After(noon.Add(time.Minute)) {
		t.Errorf("the later one was kept: %+v, %v", kept, err)
	}
}

// Purchases that are a day apart, or not by our checkout, are for staff: nothing is
// done until they say so.
func TestOtherSecondMembershipsWaitForStaff(t *testing.T) {
	t.Parallel()
	for name, approve := range map[string]bool{"approved": true, "dismissed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			n.join(reader, simtest.Pays)
			metadata := n.intent()
			if approve {
				metadata = nil // by hand, at Stripe's own desk
			} else {
				n.pass(25 * time.Hour)
			}
			n.stripe.Pay(t, n.twin(reader, metadata), simtest.Pays)
			n.heal()
			waiting, err := n.Errands(t.Context(), models.ErrandWaiting, 10)
			if err != nil || len(waiting) != 1 || n.healings() != 0 {
				t.Fatalf("%+v, %v", waiting, err)
			}
			by := billing.Why{Actor: "cli:ada", Reason: "asked the reader"}
			if _, err := n.DecideErrand(t.Context(), waiting[0].ID.String(), approve, by); err != nil {
				t.Fatal(err)
			}
			if _, err := n.DecideErrand(t.Context(), waiting[0].ID.String(), approve, by); code(err) != "errand_decided" {
				t.Errorf("decided twice: %v", err)
			}
			n.heal()
			n.pass(time.Hour)
			n.heal()
			if approve {
				n.oneLeft(reader, 2)
			} else if got := n.healings(); got != 0 {
				t.Errorf("dismissed, and healed %d times", got)
			}
		})
	}
}

// Stripe fails in every way between the steps, keeps a 500, and loses an answer: the
// money goes back once.
func TestAnErrandIsDoneOnce(t *testing.T) {
	t.Parallel()
	n, reader := boughtTwice(t)
	var met atomic.Int64
	direct := n.Service
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, to http.Handler) {
		writes := r.Method == http.MethodDelete || r.Method == http.MethodPost && r.URL.Path == "/v1/refunds"
		if !writes {
			to.ServeHTTP(w, r)
			return
		}
		switch met.Add(1) {
		case 1: // lost before
			hangUp(t, w)
		case 2, 5: // carried out, and the answer lost
			to.ServeHTTP(nowhere{}, r)
			hangUp(t, w)
		case 3, 4:
			refuse(w, 500, "", "kept for a day")
		default:
			to.ServeHTTP(w, r)
		}
	})
	for range 12 {
		n.heal()
		n.real.advance(2 * time.Hour)
	}
	n.Service = direct
	n.heal()
	n.oneLeft(reader, 2)
	if met.Load() < 5 {
		t.Errorf("only %d faults met", met.Load())
	}
}

// A process that dies between the cancellation and the refund leaves the rest to the
// next, after the lease.
func TestACrashBetweenCancelAndRefund(t *testing.T) {
	t.Parallel()
	n, reader := boughtTwice(t)
	n.errand()
	n.settle()
	dead, err := n.ClaimErrand(t.Context())
	if err != nil || dead == nil {
		t.Fatal(dead, err)
	}
	if err := n.CarryOut(t.Context(), *dead); err != nil { // done at Stripe, noted nowhere
		t.Fatal(err)
	}
	if worked, err := n.Errand(t.Context()); err != nil || worked {
		t.Fatalf("claimed within the lease: %t, %v", worked, err)
	}
	n.real.advance(billing.Lease + time.Second)
	n.heal()
	n.oneLeft(reader, 2)
}

// A lost dispute ends the subscription at Stripe: the card would be billed again.
func TestALostDisputeCancels(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.resync(n.edited(disputed("needs_response")), sub.CustomerID)
	n.heal()
	if got := n.stripe.Sim.Subscriptions()[0].Status; got != "active" {
		t.Fatalf("canceled while the bank decides: %s", got)
	}
	n.resync(n.edited(disputed("lost")), sub.CustomerID)
	n.errand()
	if got := n.stripe.Sim.Subscriptions()[0].Status; got != "canceled" {
		t.Errorf("the subscription is %s", got)
	}
	var entries int64
	if err := n.db.Model(&models.AuditEntry{}).Where("action = 'dispute.canceled' AND member_id = ?", reader).Count(&entries).Error; err != nil || entries != 1 {
		t.Errorf("%d entries, %v", entries, err)
	}
}

// The reader is told, once, in words: with the amount that is given back, or that
// there is none.
func TestTheReaderIsToldOfASecondMembership(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		offer func(n *newsroom, params *stripe.CheckoutSessionParams)
		told  string
	}{
		"paid": {func(*newsroom, *stripe.CheckoutSessionParams) {}, "€8 are on their way back"},
		"a trial": {func(_ *newsroom, params *stripe.CheckoutSessionParams) {
			params.SubscriptionData.TrialPeriodDays = stripe.Int64(14)
		}, "There is nothing to give back"},
		"all of it off": {func(n *newsroom, params *stripe.CheckoutSessionParams) {
			coupon, err := n.api.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(100), Duration: stripe.String("forever")})
			if err != nil {
				n.t.Fatal(err)
			}
			params.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon.ID}}
		}, "There is nothing to give back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			catcher, err := mailcatch.Start("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = catcher.Close() })
			n.post(catcher)
			reader := n.member("reader@example.org")
			n.join(reader, simtest.Pays)
			n.clock.advance(time.Minute) // or either may count as the first
			page := n.twin(reader, n.intent(), func(params *stripe.CheckoutSessionParams) { c.offer(n, params) })
			n.stripe.Pay(t, page, simtest.Pays)
			n.heal()
			eventually(t, func() bool { return len(catcher.Mails()) > 0 })
			n.heal()
			n.mailsAreSent()
			mails := catcher.Mails()
			if len(mails) != 1 || mails[0].To != "reader@example.org" || !strings.Contains(mails[0].Text, c.told) || !strings.Contains(mails[0].Text, "/account") {
				t.Errorf("%+v", mails)
			}
		})
	}
}

// An errand is done in the commit that enqueues its mail: where the mail cannot be
// enqueued the errand is not done yet.
func TestNoRefundWithoutItsMail(t *testing.T) {
	t.Parallel()
	n := open(t)
	catcher, err := mailcatch.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = catcher.Close() })
	n.post(catcher)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.twin(reader, n.intent()), simtest.Pays)
	n.settle()
	if err := n.db.Exec("ALTER TABLE river_job ADD CONSTRAINT full_up CHECK (kind <> 'duplicate_mail')").Error; err != nil {
		t.Fatal(err)
	}
	failed := false
	for worked := true; worked; { // the cancellation, and the refund
		if worked, err = n.Errand(t.Context()); err != nil {
			failed = true
		}
		n.settle()
	}
	done, err := n.Errands(t.Context(), models.ErrandDone, 10)
	if err != nil || len(done) != 1 || !failed {
		t.Fatalf("done without its mail: %+v, %v", done, err)
	}
	if err := n.db.Exec("ALTER TABLE river_job DROP CONSTRAINT full_up").Error; err != nil {
		t.Fatal(err)
	}
	n.real.advance(billing.Lease + time.Second)
	n.heal()
	eventually(t, func() bool { return len(catcher.Mails()) == 1 })
	n.oneLeft(reader, 2)
}

// mailsAreSent waits until no job waits to be worked.
func (n *newsroom) mailsAreSent() {
	n.t.Helper()
	eventually(n.t, func() bool {
		var left int64
		if err := n.db.Raw("SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&left).Error; err != nil {
			n.t.Fatal(err)
		}
		return left == 0
	})
}

func (n *newsroom) post(catcher *mailcatch.Catcher) {
	n.t.Helper()
	words, err := locale.New()
	if err != nil {
		n.t.Fatal(err)
	}
	mailer, err := notify.NewMailer(notify.SMTP{Host: "127.0.0.1", Port: catcher.Addr().Port, From: "desk@example.news", TLS: notify.Plain})
	if err != nil {
		n.t.Fatal(err)
	}
	jobs := notify.NewJobs(n.db, discard)
	n.WriteBy(billing.Post{Jobs: jobs, Mailer: mailer, Words: words, SiteName: "The Harbour Lantern"})
	if err := jobs.Start(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			n.t.Error(err)
		}
	})
}

// What an errand does is in our books without any delivery: it has its customer
// synced itself.
func TestAnErrandIsInTheBooksWithoutDeliveries(t *testing.T) {
	t.Parallel()
	n, reader := boughtTwice(t)
	n.stripe.Sim.StopDelivering()
	for done := range 2 { // the cancellation, then the refund
		if worked, err := n.Errand(t.Context()); err != nil || !worked {
			t.Fatalf("errand %d: %t, %v", done, worked, err)
		}
		if synced, err := n.Drain(t.Context()); err != nil || synced != 1 {
			t.Errorf("after errand %d: %d customers were synced, %v", done, synced, err)
		}
	}
	var ended int64
	if err := n.db.Model(&models.Subscription{}).Where("status = ?", models.Canceled).Count(&ended).Error; err != nil || ended != 1 {
		t.Errorf("%d memberships have ended, %v", ended, err)
	}
	n.oneLeft(reader, 2)
}

// A 500 that Stripe keeps under the key for a day, whether it carried the call out or
// not, of either call that a purchase begins with: the reader gets a page, at the
// second click at the latest, and one page is open.
func TestAKept500OpensOnePage(t *testing.T) {
	t.Parallel()
	for _, do := range []stripesim.Mishap{stripesim.ErrorUndone, stripesim.ErrorDone} {
		for _, on := range []string{"POST /v1/checkout/sessions", "POST /v1/customers"} {
			for name, guest := range map[string]bool{"a guest": true, "a member": false} {
				if guest && on == "POST /v1/customers" {
					continue // has none
				}
				t.Run(string(do)+" "+on+" "+name, func(t *testing.T) {
					t.Parallel()
					n := open(t)
					b := buyer(nil)
					if !guest {
						reader := n.member("reader@example.org")
						b = buyer(&reader)
					}
					wish := billing.Checkout{Buyer: b, PriceID: n.price("member", models.Monthly, "eur").ID}
					if err := n.stripe.Sim.Inject(1, stripesim.Fault{Do: do, On: on, Times: 1}); err != nil {
						t.Fatal(err)
					}
					first, err := n.StartCheckout(t.Context(), wish)
					if err != nil && code(err) != "stripe_unavailable" {
						t.Fatal(err)
					}
					page, err := n.StartCheckout(t.Context(), wish)
					if err != nil || first != "" && page != first {
						t.Fatalf("%q, then %q, %v", first, page, err)
					}
					if open, met := n.openSessions(), n.stripe.Sim.Injected()[do]; len(open) != 1 || met != 1 {
						t.Errorf("open: %v; %d faults were met", open, met)
					}
					if shown := n.stripe.PayAs(t, page, simtest.Pays, "reader@example.org"); shown.Location == "" {
						t.Errorf("the page does not pay: %s", shown.Problem)
					}
				})
			}
		}
	}
}

// A page that was made although Stripe answered 500 is found: no second one is
// opened beside it.
func TestAPageMadeBeforeA500IsFound(t *testing.T) {
	t.Parallel()
	for name, guest := range map[string]bool{"a guest": true, "a member": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			b := buyer(nil)
			if !guest {
				reader := n.member("reader@example.org")
				b = buyer(&reader)
			}
			stored := n.through(func(w http.ResponseWriter, r *http.Request, to http.Handler) {
				if r.Method == http.MethodPost && r.URL.Path == "/v1/checkout/sessions" {
					to.ServeHTTP(nowhere{}, r)
					refuse(w, 500, "", "An error occurred.")
					return
				}
				to.ServeHTTP(w, r)
			})
			wish := billing.Checkout{Buyer: b, PriceID: n.price("member", models.Monthly, "eur").ID}
			page, err := stored.StartCheckout(t.Context(), wish)
			if err != nil || len(n.openSessions()) != 1 {
				t.Fatalf("%v, %d pages", err, len(n.openSessions()))
			}
			if again, err := n.StartCheckout(t.Context(), wish); err != nil || again != page {
				t.Errorf("another page: %s, %v", again, err)
			}
		})
	}
}
