package stripesim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// reply is an answer as it came over the wire.
type reply struct {
	status int
	header http.Header
	body   string
	err    struct {
		Type, Code, Param, Message string
	}
}

// send makes a call without a Stripe client, for what no client would send.
func (w *world) send(method, path, form string, header map[string]string) reply {
	w.t.Helper()
	req, err := http.NewRequest(method, w.URL+path, strings.NewReader(form))
	must(w.t, err)
	req.Header.Set("Authorization", "Bearer "+simtest.Key)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	must(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(w.t, err)
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(raw)}
	var wrapped struct {
		Error *struct{ Type, Code, Param, Message string }
	}
	must(w.t, json.Unmarshal(raw, &wrapped))
	if wrapped.Error != nil {
		r.err = *wrapped.Error
	}
	return r
}

func TestOnlyTestKeysAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for auth, want := range map[string]int{
		"Bearer sk_test_x": 200, "Bearer rk_test_x": 200, "Bearer sk_live_abcdefghijklmnop": 401, "Bearer sk_test_": 401,
		"Bearer pk_test_x": 401, "Bearer ": 401, "": 401, "Basic c2tfdGVzdF94Og==": 200,
	} {
		r := w.send("GET", "/v1/account", "", map[string]string{"Authorization": auth})
		if r.status != want {
			t.Errorf("%q: status %d", auth, r.status)
		}
		if want == 401 && r.err.Type != "invalid_request_error" {
			t.Errorf("%q: %+v", auth, r.err)
		}
		if strings.Contains(r.body, "sk_live_abcdefghijklmnop") {
			t.Errorf("the live key is repeated: %s", r.body)
		}
	}
}

func TestErrorsAreStripes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	product := w.price.Product.ID
	for _, c := range []struct {
		method, path, form string
		status             int
		code, param        string
	}{
		{"GET", "/v1/customers/cus_none", "", 404, "resource_missing", "id"},
		{"GET", "/v1/subscriptions/" + w.price.ID, "", 404, "resource_missing", "id"},
		{"POST", "/v1/customers", "nickname=x", 400, "parameter_unknown", "nickname"},
		{"POST", "/v1/prices", "currency=eur&recurring[planet]=x", 400, "parameter_unknown", "recurring[planet]"},
		{"POST", "/v1/customers", "email=nobody", 400, "email_invalid", "email"},
		{"POST", "/v1/customers", "email[a]=x", 400, "", "email"},
		{"POST", "/v1/prices", "unit_amount=5&product=" + product, 400, "parameter_missing", "currency"},
		{"POST", "/v1/prices", "currency=eur&unit_amount=five&product=" + product, 400, "parameter_invalid_integer", "unit_amount"},
		{"POST", "/v1/prices", "currency=&unit_amount=5&product=" + product, 400, "parameter_invalid_empty", "currency"},
		{"POST", "/v1/prices", "currency=eur&unit_amount=5&product=prod_none", 400, "resource_missing", "product"},
		{"POST", "/v1/prices", "currency=eur&unit_amount=5&recurring[interval]=fortnight&product=" + product, 400, "", "recurring[interval]"},
		{"POST", "/v1/products", "name=x&active=maybe", 400, "", "active"},
		{"GET", "/v1/customers?limit=101", "", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers?limit=0", "", 400, "parameter_invalid_integer", "limit"},
		{"GET", "/v1/customers?starting_after=cus_none", "", 400, "resource_missing", "starting_after"},
		{"GET", "/v1/prices/" + w.price.ID + "?expand[]=currency", "", 400, "", "expand"},
		{"GET", "/v1/subscriptions?expand[]=data.items.data.price.product", "", 400, "", "expand"},
		{"GET", "/v1/unicorns", "", 404, "", ""},
		{"DELETE", "/v1/products/" + product, "", 400, "", "id"},
	} {
		r := w.send(c.method, c.path, c.form, nil)
		if r.status != c.status || r.err.Code != c.code || r.err.Param != c.param || r.err.Type != "invalid_request_error" || r.err.Message == "" {
			t.Errorf("%s %s %s: %d %+v", c.method, c.path, c.form, r.status, r.err)
		}
		if !strings.HasPrefix(r.header.Get("Request-Id"), "req_") {
			t.Errorf("%s %s: request id %q", c.method, c.path, r.header.Get("Request-Id"))
		}
	}
}

func TestOtherAPIVersionsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.send("GET", "/v1/account", "", map[string]string{"Stripe-Version": "2020-08-27"})
	if r.status != 400 || !strings.Contains(r.err.Message, "2023-10-16") {
		t.Errorf("%d %+v", r.status, r.err)
	}
}

func TestMetadataIsLaidOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := w.api.Customers.New(&stripe.CustomerParams{Metadata: map[string]string{"a": "1", "b": "2"}})
	must(t, err)
	c, err = w.api.Customers.Update(c.ID, &stripe.CustomerParams{Metadata: map[string]string{"a": "", "c": "3"}})
	must(t, err)
	if diff := cmp.Diff(map[string]string{"b": "2", "c": "3"}, c.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"metadata": map[string]any{"a": "1", "c": nil}}, w.previous(0)); diff != "" {
		t.Errorf("previous attributes (-want +got):\n%s", diff)
	}
	r := w.send("POST", "/v1/customers/"+c.ID, "metadata=", nil)
	if r.status != 200 || !strings.Contains(r.body, `"metadata": {}`) {
		t.Errorf("cleared: %d %s", r.status, r.body)
	}
	r = w.send("POST", "/v1/customers/"+c.ID, "metadata[k]="+strings.Repeat("x", 501), nil)
	if r.status != 400 {
		t.Errorf("a value of 501 letters: %d", r.status)
	}
}

func TestLookupKeysBelongToOnePrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := stripe.String("monthly")
	_, err := w.api.Prices.Update(w.price.ID, &stripe.PriceParams{LookupKey: key})
	must(t, err)
	next := &stripe.PriceParams{Currency: stripe.String("eur"), UnitAmount: stripe.Int64(600), Product: &w.price.Product.ID, LookupKey: key}
	_, err = w.api.Prices.New(next)
	if got := stripeError(t, err); got.HTTPStatusCode != 400 || got.Param != "lookup_key" {
		t.Errorf("taken key: %+v", got)
	}
	next.TransferLookupKey = stripe.Bool(true)
	p, err := w.api.Prices.New(next)
	must(t, err)
	list := w.api.Prices.List(&stripe.PriceListParams{LookupKeys: []*string{key}})
	var found []string
	for list.Next() {
		found = append(found, list.Price().ID)
	}
	must(t, list.Err())
	if diff := cmp.Diff([]string{p.ID}, found); diff != "" {
		t.Errorf("prices with the key (-want +got):\n%s", diff)
	}
}

func TestExpandReachesFourLevels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	params := &stripe.SubscriptionListParams{Customer: &sub.Customer.ID}
	params.AddExpand("data.latest_invoice.payment_intent.latest_charge")
	params.AddExpand("data.customer.subscriptions")
	list := w.api.Subscriptions.List(params)
	if !list.Next() {
		t.Fatal(list.Err())
	}
	got := list.Subscription()
	if got.LatestInvoice.PaymentIntent.LatestCharge.PaymentMethodDetails.Card.Last4 != "4242" || got.Customer.Subscriptions.Data[0].ID != sub.ID {
		t.Errorf("not expanded: %+v", got.LatestInvoice)
	}
	one := &stripe.SubscriptionParams{}
	one.AddExpand("items.data.price.product")
	got, err := w.api.Subscriptions.Get(sub.ID, one)
	must(t, err)
	if got.Items.Data[0].Price.Product.Name != "Membership" {
		t.Errorf("product not expanded: %+v", got.Items.Data[0].Price.Product)
	}
}

func TestAccountAndEverythingElseCanBeFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	charge := sub.LatestInvoice.PaymentIntent.LatestCharge
	for _, path := range []string{
		"/v1/account", "/v1/products/" + w.price.Product.ID, "/v1/prices/" + w.price.ID, "/v1/customers/" + sub.Customer.ID,
		"/v1/invoices/" + sub.LatestInvoice.ID, "/v1/invoices/" + sub.LatestInvoice.ID + "/lines", "/v1/charges/" + charge.ID,
		"/v1/payment_intents/" + sub.LatestInvoice.PaymentIntent.ID, "/v1/payment_methods/" + sub.DefaultPaymentMethod.ID,
		"/v1/balance_transactions/" + charge.BalanceTransaction.ID, "/v1/balance_transactions?type=charge", "/v1/billing_portal/configurations?is_default=true",
		"/v1/events/" + w.Sim.Events()[0].ID, "/v1/checkout/sessions?status=complete", "/v1/charges?customer=" + sub.Customer.ID,
		"/v1/payment_intents?customer=" + sub.Customer.ID, "/v1/products?active=true", "/v1/prices?type=recurring&recurring[interval]=month",
		"/v1/customers?email=reader@example.org", "/v1/invoices?subscription=" + sub.ID + "&status=paid", "/v1/webhook_endpoints", "/v1/refunds",
		"/v1/checkout/sessions?subscription=" + sub.ID, "/v1/subscriptions?price=" + w.price.ID, "/v1/events?type=customer.*",
	} {
		if r := w.send("GET", path, "", nil); r.status != 200 || strings.HasPrefix(r.body, "{\n  \"data\": []") != (path == "/v1/webhook_endpoints" || path == "/v1/refunds") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
}
