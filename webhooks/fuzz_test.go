package webhooks

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76/webhook"
)

// What stripe-go refuses of a header we refuse too, and what it takes we take:
// but for a negative time, and for more hashes than Stripe ever sends.
func FuzzSignature(f *testing.F) {
	at := time.Unix(1_795_348_800, 0)
	signed := func(body []byte) string {
		return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: "whsec_x", Timestamp: at}).Header
	}
	good := signed([]byte(`{}`))
	for _, seed := range []string{good, good + ",v1=00", "t=1,v1=", "t=,v1=zz", "v1=00", "t=1,t=2," + good, strings.ToUpper(good), good + ",t=" + strconv.FormatInt(at.Unix(), 10), " " + good} {
		f.Add(seed, []byte(`{}`))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		theirs := webhook.ValidatePayloadIgnoringTolerance(body, header, "whsec_x")
		s, ours := parseSignature(header, at)
		if ours == nil {
			ours = s.verify(body, []string{"whsec_other", "whsec_x"})
		}
		if ours == nil && theirs != nil {
			t.Errorf("we accept what stripe-go refuses (%v): %q", theirs, header)
		}
		dated := strings.Contains(header, "t="+strconv.FormatInt(at.Unix(), 10)) // or the time may be another
		if ours != nil && theirs == nil && dated && strings.Count(header, "t=") == 1 && strings.Count(header, "v1=") <= maxSignatures {
			t.Errorf("we refuse (%v) what stripe-go accepts: %q", ours, header)
		}
		if whole, err := parseSignature(signed(body), at); err != nil || whole.verify(body, []string{"whsec_x"}) != nil {
			t.Errorf("stripe-go's signature of %q is refused", body)
		}
	})
}

// No body makes the intake fall over; it is an event with ids that Postgres can
// keep, or it is refused.
func FuzzIntake(f *testing.F) {
	for _, seed := range []string{
		`{"id":"evt_1","type":"invoice.paid","created":1,"data":{"object":{"id":"in_1","object":"invoice","customer":{"id":"cus_1"}}}}`,
		`{"id":"evt_1","type":"x","data":{"object":{"customer":[]}}}`,
		`{"id":"evt_1","type":"x","created":9999999999999}`,
		`{"id":"evt_` + strings.Repeat("x", 300) + `","type":"x"}`,
		"{\"id\":\"evt_\xff\",\"type\":\"x\"}",
		strings.Repeat("[", 20_000), `{"data":` + strings.Repeat(`{"object":`, 100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in := intake(t)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		request.Header.Set("Stripe-Signature", "t=1000,v1="+hex.EncodeToString(sign(body, 1000, "whsec_x")))
		event, err := in.read(echo.New().NewContext(request, httptest.NewRecorder()))
		if err != nil {
			return
		}
		kept, err := json.Marshal(event)
		if err != nil || !utf8.Valid(kept) || strings.Contains(string(kept), `\u0000`) || len(kept) > 16*maxID {
			t.Errorf("%q: %s, %v", body, kept, err)
		}
		if event.SubjectID != nil && (*event.SubjectID == "" || event.SubjectKind == "") {
			t.Errorf("a subject without an id or a kind: %q", body)
		}
	})
}

// An envelope is read as encoding/json reads it: whatever that refuses is refused, and
// what is taken says the same. But for the letters of a name, which are Stripe's own.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"id":"evt_1","type":"invoice.paid","created":1,"data":{"object":{"id":"in_1","customer":{"id":"cus_1"}}}}`,
		`{"id":"evt_1","id":"evt_2","type":"x","type":null,"data":{"object":{"id":"a"}},"data":{"object":{"customer":"cus_1"}}}`,
		`{"id":"evt_1","type":"x","data":null,"created":null,"account":null}`,
		`{"id":"evt_1","type":"x","created":1.0}`, `{"id":"evt_1","type":"x","created":1e2}`,
		`{"id":"evt_1","type":"x","livemode":"true"}`, `{"id":7,"type":"x"}`, `{"id":"evt_1","type":"x"} {}`,
		`{"ID":"evt_1","type":"x"}`, "\ufeff{}", "{\"id\":\"evt_\xff\",\"type\":\"\\ud800\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ours, err := parse(body)
		if err != nil {
			return
		}
		var theirs envelope
		if err := json.Unmarshal(body, &theirs); err != nil {
			t.Errorf("taken, where encoding/json says %v: %q", err, body)
		}
		if plain := strings.ToLower(string(body)) == string(body) && !strings.ContainsAny(string(body), "ſK\\"); plain && ours != theirs {
			t.Errorf("%q\nis %+v\nand not %+v", body, ours, theirs)
		}
	})
}
