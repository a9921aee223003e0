package webhooks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// What stripe-go refuses of a header we refuse too.
func FuzzSignatureHeader(f *testing.F) {
	body := []byte(`{"id":"evt_1"}`)
	at := time.Unix(1_795_348_800, 0)
	good := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: "whsec_x", Timestamp: at}).Header
	for _, seed := range []string{good, good + ",v1=00", "t=1,v1=", "t=,v1=zz", "v1=00", "t=1,t=2," + good, strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		ours := verify(body, header, []string{"whsec_x"}, at)
		theirs := webhook.ValidatePayloadIgnoringTolerance(body, header, "whsec_x")
		if ours == nil && theirs != nil {
			t.Errorf("we accept what stripe-go refuses (%v): %q", theirs, header)
		}
	})
}

// No body makes the parser fall over, and what it accepts can be stored as text.
func FuzzParse(f *testing.F) {
	f.Add(`{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1","object":"invoice","customer":{"id":"cus_1"}}}}`)
	f.Add(`{"id":"evt_1","type":"x","data":{"object":{"customer":[]}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		e, err := parse([]byte(body))
		if err != nil {
			return
		}
		kept, err := json.Marshal(e)
		if err != nil || strings.Contains(string(kept), `\u0000`) {
			t.Errorf("%s, %v", kept, err)
		}
		if s := e.subject(); s != nil && s.ID == "" {
			t.Errorf("a subject without an id: %s", body)
		}
	})
}
