package models

import "encoding/json"

// EventObject is the little that we read of the object that a Stripe event tells of:
// enough to know whom it concerns.
type EventObject struct {
	ID            string    `json:"id"`
	Object        string    `json:"object"`
	Customer      Reference `json:"customer"`
	PaymentIntent Reference `json:"payment_intent"`
}

// Reference is an id, or an object with an id where Stripe expanded it.
type Reference string

// UnmarshalJSON takes a string or an object with an id. Anything else names
// nothing: an event of a type that we do not know must not be refused for its shape,
// because Stripe would send it again for days and then close the endpoint.
func (r *Reference) UnmarshalJSON(data []byte) error {
	var id string
	var object struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(data, &id) != nil && json.Unmarshal(data, &object) == nil {
		id = object.ID
	}
	*r = Reference(id)
	return nil
}

// Subject is what to sync because of an event about this object; no id for events
// about nothing that we keep. Refunds and disputes name no customer: their payment
// intent leads to it.
func (o EventObject) Subject() (kind SubjectKind, id string) {
	switch {
	case o.Object == "customer":
		return SubjectCustomer, o.ID
	case o.Customer != "":
		return SubjectCustomer, string(o.Customer)
	case o.Object == "payment_intent":
		return SubjectPaymentIntent, o.ID
	}
	return SubjectPaymentIntent, string(o.PaymentIntent)
}
