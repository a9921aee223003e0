package stripesim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// customers counts the customers that there are.
func (w *world) customers() (n int) {
	list := w.api.Customers.List(&stripe.CustomerListParams{})
	for list.Next() {
		n++
	}
	must(w.t, list.Err())
	return n
}

// wire answers a server of the simulator without the judge between, so that
// connections can be cut.
func (w *world) wire() *httptest.Server {
	srv := httptest.NewServer(w.Sim)
	w.t.Cleanup(srv.Close)
	return srv
}

// post makes a customer over a connection that may be cut.
func post(ctx context.Context, t *testing.T, base, idempotency string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/customers", strings.NewReader("name=Ada"))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+simtest.Key)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Idempotency-Key", idempotency)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// What each refusal says, whether it was carried out, and what the same
// idempotency key hears afterwards.
func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	for harm, want := range map[stripesim.Mishap]struct {
		status      int
		kind, code  string
		made, later int // customers after the fault and after the second try; later's status follows
		then        int
	}{
		stripesim.RateLimited: {429, "invalid_request_error", "rate_limit", 0, 1, 200},
		stripesim.LockTimeout: {429, "invalid_request_error", "lock_timeout", 0, 1, 200},
		stripesim.Unavailable: {503, "api_error", "", 0, 1, 200},
		stripesim.ErrorUndone: {500, "api_error", "", 0, 0, 500},
		stripesim.ErrorDone:   {500, "api_error", "", 1, 1, 500},
	} {
		t.Run(string(harm), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.inject(stripesim.Fault{Do: harm, On: "POST /v1/customers", Times: 1, Min: 3 * time.Second})
			first := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
			if first.status != want.status || first.err.Type != want.kind || first.err.Code != want.code {
				t.Errorf("said %d %s", first.status, first.body)
			}
			if got := w.customers(); got != want.made {
				t.Errorf("%d customers, want %d", got, want.made)
			}
			if after := first.header.Get("Retry-After"); (after == "3") != (want.status == 429 || want.status == 503) {
				t.Errorf("Retry-After %q", after)
			}
			again := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
			if got := w.customers(); again.status != want.then || got != want.later {
				t.Errorf("then %d, %d customers", again.status, got)
			}
			other := w.send("POST", "/v1/customers", "name=Ada", key("k2"))
			if other.status != 200 || w.Sim.Injected()[harm] != 1 {
				t.Errorf("another key: %d, injected %v", other.status, w.Sim.Injected())
			}
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	for harm, made := range map[stripesim.Mishap]int{
		stripesim.Reset: 0, stripesim.ResetDone: 1, stripesim.HalfBody: 1, stripesim.Hang: 0, stripesim.HangDone: 1,
	} {
		t.Run(string(harm), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			base := w.wire().URL
			w.inject(stripesim.Fault{Do: harm, Times: 1})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if harm == stripesim.HalfBody || harm == stripesim.Reset || harm == stripesim.ResetDone {
				ctx = t.Context()
			}
			status, body, err := post(ctx, t, base, "k1")
			if err == nil {
				t.Errorf("answered %d %s", status, body)
			}
			if (harm == stripesim.Hang || harm == stripesim.HangDone) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("did not hang: %v", err)
			}
			if half := errors.Is(err, io.ErrUnexpectedEOF) && json.Valid([]byte(body)) == false && len(body) > 50; half != (harm == stripesim.HalfBody) {
				t.Errorf("%v after %q", err, body)
			}
			if got := w.customers(); got != made {
				t.Errorf("%d customers, want %d", got, made)
			}
			status, _, err = post(t.Context(), t, base, "k1")
			if err != nil || status != 200 || w.customers() != 1 {
				t.Errorf("again: %d, %v, %d customers", status, err, w.customers())
			}
		})
	}
}

func TestAChangedPlanEndsHangingCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.wire().URL
	w.inject(stripesim.Fault{Do: stripesim.Hang})
	ended := make(chan error)
	go func() {
		_, _, err := post(t.Context(), t, base, "k1")
		ended <- err
	}()
	for tick := time.Tick(time.Millisecond); w.Sim.Injected()[stripesim.Hang] == 0; {
		<-tick
	}
	w.inject()
	if err := <-ended; err == nil {
		t.Error("the call was answered")
	}
}

func TestAPoisonedCustomerPoisonsNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sick, well := w.subscribe(simtest.Pays), w.subscribe(simtest.Pays)
	w.inject(stripesim.Fault{Do: stripesim.Garbage, Customer: sick.Customer.ID})
	asks := map[string]func(*stripe.Subscription) error{
		"the customer": func(s *stripe.Subscription) error { _, err := w.api.Customers.Get(s.Customer.ID, nil); return err },
		"their object": func(s *stripe.Subscription) error { _, err := w.api.Subscriptions.Get(s.ID, nil); return err },
		"a list that names": func(s *stripe.Subscription) error {
			list := w.api.Charges.List(&stripe.ChargeListParams{Customer: &s.Customer.ID})
			list.Next()
			return list.Err()
		},
		"their payment's refunds": func(s *stripe.Subscription) error {
			list := w.api.Refunds.List(&stripe.RefundListParams{PaymentIntent: &s.LatestInvoice.PaymentIntent.ID})
			list.Next()
			return list.Err()
		},
	}
	for name, ask := range asks {
		if err := ask(sick); err == nil {
			t.Errorf("%s is well", name)
		}
		if err := ask(well); err != nil {
			t.Errorf("%s of another: %v", name, err)
		}
	}
	if got := w.Sim.Injected()[stripesim.Garbage]; got != len(asks) {
		t.Errorf("%d injected", got)
	}
}

func TestAStatusThatNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sick, well := w.subscribe(simtest.Pays), w.subscribe(simtest.Pays)
	w.inject(stripesim.Fault{Do: stripesim.UnknownEnum, Customer: sick.Customer.ID})
	list := w.api.Subscriptions.List(&stripe.SubscriptionListParams{Status: stripe.String("all")})
	got := map[string]string{}
	for list.Next() {
		got[list.Subscription().ID] = string(list.Subscription().Status)
	}
	must(t, list.Err())
	want := map[string]string{sick.ID: "of_a_later_version", well.ID: "active"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	w.inject()
	if got := w.subscription(sick.ID).Status; got != "active" {
		t.Errorf("after healing %s", got)
	}
}

func TestEachRouteHasABucketOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inject(stripesim.Fault{Do: stripesim.Bucket, Count: 25})
	began, taken := time.Now(), 0
	for range 60 {
		if w.send("GET", "/v1/customers", "", nil).status == http.StatusOK {
			taken++
		}
	}
	if most := 26 + int(25*time.Since(began).Seconds()); taken < 25 || taken > most {
		t.Errorf("%d of 60 taken, want 25 to %d", taken, most)
	}
	if first := w.send("GET", "/v1/products", "", nil); first.status != 200 {
		t.Errorf("another route: %d", first.status)
	}
}

func TestSlowAnswersComeAfterTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inject(stripesim.Fault{Do: stripesim.Slow, On: "GET *", Min: 40 * time.Millisecond},
		stripesim.Fault{Do: stripesim.RateLimited, On: "GET /v1/customers"})
	began := time.Now()
	if got := w.send("GET", "/v1/customers", "", nil); got.status != 429 || time.Since(began) < 40*time.Millisecond {
		t.Errorf("%d after %s", got.status, time.Since(began))
	}
	if got := w.send("GET", "/v1/products", "", nil); got.status != 200 {
		t.Errorf("a slow call: %d", got.status)
	}
}

func TestTrafficIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inject(stripesim.Fault{Do: stripesim.Slow, On: "GET /v1/customers/{id}", Min: 50 * time.Millisecond})
	id := w.customer().ID
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { w.send("GET", "/v1/customers/"+id, "", nil) })
	}
	all.Wait()
	got := w.Sim.Traffic()
	if got.Calls["GET /v1/customers/{id}"] != 5 || got.Calls["POST /v1/customers"] != 1 || got.Now != 0 || got.Busiest < 2 {
		t.Errorf("%+v", got)
	}
}
