package stripesim

import "fmt"

// Seed describes readers that are to be there at once, each with a paid
// subscription.
type Seed struct {
	Readers int
	Price   string // the id of a recurring price
	Method  string // a test payment method's name, such as pm_card_chargeCustomerFail; empty is pm_card_visa
	// Reader says what the i-th reader is like; nil leaves all of it empty.
	Reader func(i int) SeedReader
}

// SeedReader is what a shop would write on its objects.
type SeedReader struct {
	Email        string
	Metadata     map[string]string // of the customer
	Subscription map[string]string // metadata of the subscription
}

// Seed makes readers and their subscriptions through the code that serves the
// API, events included, and answers the subscriptions in the readers' order. It
// stops at the first that Stripe would refuse. Two thousand take about a
// second; register endpoints afterwards, unless they shall hear of each.
func (s *Sim) Seed(seed Seed) (out []Subscription, err error) {
	s.live(func() {
		for i := range seed.Readers {
			o, refused := s.seedOne(seed, i)
			if refused != nil {
				err = fmt.Errorf("seed reader %d: %w", i, refused)
				return
			}
			out = append(out, s.summary(o))
		}
	})
	return out, err
}

func (s *Sim) seedOne(seed Seed, i int) (object, *apiError) {
	var reader SeedReader
	if seed.Reader != nil {
		reader = seed.Reader(i)
	}
	params := object{"metadata": hashOf(reader.Metadata)}
	if reader.Email != "" {
		params["email"] = reader.Email
	}
	customer, err := createCustomer(s, &call{params: params})
	if err != nil {
		return nil, err
	}
	return createSubscription(s, &call{params: object{
		"customer": customer["id"], "default_payment_method": firstOf(seed.Method, "pm_card_visa"),
		"items": []any{object{"price": seed.Price}}, "payment_behavior": "allow_incomplete", "metadata": hashOf(reader.Subscription),
	}})
}

func hashOf(texts map[string]string) object {
	out := object{}
	for k, v := range texts {
		out[k] = v
	}
	return out
}
