package webhooks

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

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
		Object struct {
			ID            string    `json:"id"`
			Object        string    `json:"object"`
			Customer      reference `json:"customer"`
			PaymentIntent reference `json:"payment_intent"`
		} `json:"object"`
	} `json:"data"`
}

// reference is an id, or an object with an id where Stripe expanded it.
type reference string

// UnmarshalJSON takes a string or an object with an id. Anything else names
// nothing: an event of a type that we do not know must not be refused for its shape,
// because Stripe would send it again for days and then close the endpoint.
func (r *reference) UnmarshalJSON(data []byte) error {
	var id string
	var object struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(data, &id) != nil && json.Unmarshal(data, &object) == nil {
		id = object.ID
	}
	*r = reference(id)
	return nil
}

var errNotAnEvent = errors.New("the body is not a Stripe event")

// maxID is the longest that Stripe's ids may be; an index has its bounds too.
// https://stripe.com/docs/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible
const maxID = 255

func parse(body []byte) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
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

// subject is what to sync because of this event; no id for events about nothing
// that we keep. Refunds and disputes name no customer: their payment intent leads
// to it.
func (e envelope) subject() (kind models.SubjectKind, id string) {
	object := e.Data.Object
	switch {
	case object.Object == "customer":
		return models.SubjectCustomer, object.ID
	case object.Customer != "":
		return models.SubjectCustomer, string(object.Customer)
	case object.Object == "payment_intent":
		return models.SubjectPaymentIntent, object.ID
	}
	return models.SubjectPaymentIntent, string(object.PaymentIntent)
}
