package handlers_test

import (
	"maps"
	"net/http"
	"testing"
)

// A browser that never heard an answer sends its form again, and is where the answer
// would have led.
func TestAFormWhoseAnswerGotLostIsSentAgain(t *testing.T) {
	t.Parallel()
	n := open(t)
	for path, action := range map[string]string{"/membership": "/checkout", "/contribute": "/contribute"} {
		b := n.browser()
		form := b.get(path)
		before := maps.Clone(b.cookies)
		lost := b.submit(form, action).to(n.stripe.URL)
		b.cookies = before
		if again := b.submit(form, action).to(n.stripe.URL); again != lost {
			t.Errorf("%s: first %s, then %s", path, lost, again)
		}
	}
}

// A form of another page comes without our cookie. When Stripe fails, the browser
// gets one with the refusal, and the form that is shown again is its own.
func TestAFormThatStripeFailedIsSentAgain(t *testing.T) {
	t.Parallel()
	n := open(t)
	form := n.browser().get("/contribute").form("/contribute")
	b := n.browser()
	n.down.Store(true)
	refused := b.do(request(http.MethodPost, "/contribute", form.Encode())).want(503, "Give")
	n.down.Store(false)
	b.submit(refused, "/contribute", "nonce", form.Get("nonce")).to(n.stripe.URL)
}
