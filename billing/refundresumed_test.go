package billing_test

import (
	"net/http"
	"testing"

	"newsroom.example/membership/billing"
)

// A refund that was to leave access, and that is taken up when that time is over: the
// money has moved, and nothing is left to give.
func TestARefundIsTakenUpAfterWhatItKept(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, paid := bought(n)
	crashing := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" {
			stripe.ServeHTTP(nowhere{}, r)
			hangUp(n.t, w)
			return
		}
		stripe.ServeHTTP(w, r)
	})
	wish := billing.Refund{Payment: paid.PaymentIntentID, KeepAccess: true, Cancel: true, By: by("Moved away")}
	if _, err := refund(t.Context(), crashing, wish); code(err) != "refund_unanswered" {
		t.Fatal(err)
	}
	n.pass(40 * day)
	if _, err := refund(t.Context(), n.Service, wish); err != nil {
		t.Fatal(err)
	}
	n.onceRefunded(800)
	n.reads(reader, false)
}
