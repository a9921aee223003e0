package webhooks

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"newsroom.example/membership/models"
)

// envelope is the little that we read of an event. The rest is fetched from Stripe
// when its subject is synced: deliveries come late, twice and out of order.
type envelope struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Created    int64  `json:"created"`
	Livemode   bool   `json:"livemode"`
	APIVersion string `json:"api_version"`
	Account    string `json:"account"`
	Data       struct {
		Object models.EventObject `json:"object"`
	} `json:"data"`
}

var errNotAnEvent = errors.New("the body is not a Stripe event")

// maxID is the longest that Stripe's ids may be; an index has its bounds too.
// https://stripe.com/docs/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible
const maxID = 255

// lenient reads JSON as Stripe's own libraries do. An event must not be refused for a
// letter or a name in a part of it that we do not read.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func parse(body []byte) (envelope, error) {
	var e envelope
	// Not encoding/json, which reads all of it twice: that was a third of an acknowledgement.
	if err := json.Unmarshal(body, &e, lenient); err != nil {
		return e, errNotAnEvent
	}
	object := e.Data.Object
	for _, text := range []string{e.ID, e.Type, e.APIVersion, e.Account, object.ID, object.Object, string(object.Customer), string(object.PaymentIntent)} {
		if len(text) > maxID || strings.ContainsRune(text, 0) { // Postgres has no NUL in text
			return e, errNotAnEvent
		}
	}
	if !strings.HasPrefix(e.ID, "evt_") || e.Type == "" || !datable(e.Created) {
		return e, errNotAnEvent
	}
	return e, nil
}

// datable says whether Postgres and encoding/json know the instant: a year of four
// digits.
func datable(at int64) bool {
	year := time.Unix(at, 0).UTC().Year()
	return year >= 1 && year <= 9999
}
