package stripesim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// ask puts one call to a simulator and answers what it said.
func ask(t testing.TB, sim http.Handler, method, path, form string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+simtest.Key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

// bareSim is a simulator without a judge, and a monthly price in it.
func bareSim(t testing.TB) (*stripesim.Sim, string) {
	t.Helper()
	c := &clock{now: start}
	sim, err := stripesim.New(stripesim.Config{Clock: c.Now})
	must(t, err)
	t.Cleanup(func() { must(t, sim.Close()) })
	made := ask(t, sim, "POST", "/v1/prices", "currency=eur&unit_amount=500&recurring[interval]=month&product_data[name]=Membership")
	_, rest, _ := strings.Cut(made.Body.String(), `"price_`)
	id, _, _ := strings.Cut(rest, `"`)
	return sim, "price_" + id
}

// BenchmarkFetchOfACustomer is what the service asks for at each sync, with
// 2,000 customers there; divide by four for one call.
func BenchmarkFetchOfACustomer(b *testing.B) {
	sim, price := bareSim(b)
	made, err := sim.Seed(stripesim.Seed{Readers: 2000, Price: price})
	must(b, err)
	n := 0
	for b.Loop() {
		customer := made[n%len(made)].Customer
		n++
		ask(b, sim, "GET", "/v1/customers/"+customer, "")
		ask(b, sim, "GET", "/v1/subscriptions?status=all&limit=100&customer="+customer, "")
		ask(b, sim, "GET", "/v1/invoices?limit=100&customer="+customer+"&expand[]=data.payment_intent", "")
		ask(b, sim, "GET", "/v1/charges?limit=100&customer="+customer+"&expand[]=data.balance_transaction", "")
	}
}
