package models_test

import (
	"encoding/json"
	"testing"

	"newsroom.example/membership/models"
)

// Whoever pays is synced as one, however the object names them: a payment of a customer
// by itself would give the ledger's row a second writer.
func TestSubjectOfAnEvent(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"object":"customer","id":"cus_1"}`:                                             "customer cus_1",
		`{"object":"subscription","id":"sub_1","customer":"cus_1"}`:                      "customer cus_1",
		`{"object":"payment_intent","id":"pi_1","customer":"cus_1"}`:                     "customer cus_1",
		`{"object":"charge","id":"ch_1","customer":"cus_1","payment_intent":"pi_1"}`:     "customer cus_1",
		`{"object":"charge","id":"ch_1","customer":{"id":"cus_1"},"payment_intent":"x"}`: "customer cus_1",
		`{"object":"payment_intent","id":"pi_1","customer":null}`:                        "payment_intent pi_1",
		`{"object":"refund","id":"re_1","payment_intent":"pi_1"}`:                        "payment_intent pi_1",
		`{"object":"dispute","id":"dp_1","payment_intent":{"id":"pi_1"}}`:                "payment_intent pi_1",
		`{"object":"product","id":"prod_1"}`:                                             "payment_intent ",
	} {
		var o models.EventObject
		if err := json.Unmarshal([]byte(object), &o); err != nil {
			t.Fatal(err)
		}
		if kind, id := o.Subject(); string(kind)+" "+id != want {
			t.Errorf("%s is about %s %s, want %s", object, kind, id, want)
		}
	}
}
