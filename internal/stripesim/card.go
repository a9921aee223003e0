package stripesim

import "strings"

// decline is why a bank refuses a card. Codes and words:
// https://docs.stripe.com/declines/codes
type decline struct{ code, reason, message string }

var (
	generic      = &decline{"card_declined", "generic_decline", "Your card was declined."}
	insufficient = &decline{"card_declined", "insufficient_funds", "Your card has insufficient funds."}
	lostCard     = &decline{"card_declined", "lost_card", "Your card was declined."}
	stolenCard   = &decline{"card_declined", "stolen_card", "Your card was declined."}
	expiredCard  = &decline{"expired_card", "", "Your card has expired."}
	wrongCVC     = &decline{"incorrect_cvc", "", "Your card's security code is incorrect."}
	processing   = &decline{"processing_error", "", "An error occurred while processing your card. Try again in a little bit."}
	notATestCard = &decline{"card_declined", "test_mode_live_card", "Your card was declined. Your request was in test mode, " +
		"but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing."}
)

// mustProve is the answer to a card whose holder must first prove who they are.
// https://docs.stripe.com/declines/codes
var mustProve = &decline{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."}

// card is a test card: its brand, and how it fares. Nil pays.
type card struct {
	brand   string
	now     *decline // while its holder is there
	proved  *decline // once its holder has proved who they are, where that is asked
	later   *decline // charged without its holder
	dispute string   // the reason of the dispute that follows each payment
	inquiry bool     // the dispute is an inquiry
	refunds string   // how its refunds fare, other than at once: "pending" or "failing"
}

// cards are the test cards of https://docs.stripe.com/testing that are
// simulated.
var cards = map[string]card{
	"4242424242424242": {brand: "visa"},
	"5555555555554444": {brand: "mastercard"},
	"4000000000000077": {brand: "visa"}, // at once available
	"4000003720000278": {brand: "visa"}, // at once available
	"4000000000000341": {brand: "visa", later: generic},
	"4000000000000002": refusing(generic),
	"4000000000009995": refusing(insufficient),
	"4000000000009987": refusing(lostCard),
	"4000000000009979": refusing(stolenCard),
	"4000000000000069": refusing(expiredCard),
	"4000000000000127": refusing(wrongCVC),
	"4000000000000119": refusing(processing),
	"4000002500003155": {brand: "visa", now: mustProve},
	"4000002760003184": {brand: "visa", now: mustProve, later: mustProve},
	"4000008260003178": {brand: "visa", now: mustProve, proved: insufficient, later: mustProve},
	"4000000000000259": {brand: "visa", dispute: "fraudulent"},
	"4000000000002685": {brand: "visa", dispute: "product_not_received"},
	"4000000000001976": {brand: "visa", dispute: "fraudulent", inquiry: true},
	"4000000000007726": {brand: "visa", refunds: "pending"},
	"4000000000005126": {brand: "visa", refunds: "failing"},
}

func refusing(why *decline) card { return card{brand: "visa", now: why, later: why} }

// cardFor reads what a person typed. A number that no card has is refused on
// the spot; a number that might be a real card's is declined.
func cardFor(typed string) (number string, c card, problem string) {
	number = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, typed)
	c, known := cards[number]
	switch {
	case known:
		return number, c, ""
	case number == "":
		return "", card{}, "Enter a card number."
	case len(number) < 12:
		return "", card{}, "Your card number is incomplete."
	case !luhn(number):
		return "", card{}, "Your card number is invalid."
	}
	return number, refusing(notATestCard), ""
}

// luhn is the check that every card number satisfies.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// newCard makes the payment method for a card that was typed in. A number that
// is not a test card is not kept, in case it is a real one.
func (s *Sim) newCard(number string, c card, email, name string) object {
	kept := number
	if c.now == notATestCard {
		kept = ""
	}
	o := s.store.shape("payment_method", s.unix(), object{"_card": kept})
	merge(o, object{
		"billing_details": object{"email": orNull(email), "name": orNull(name)},
		"card": object{
			"brand": c.brand, "display_brand": c.brand, "last4": number[len(number)-4:],
			"exp_month": int64(12), "exp_year": int64(s.now.Year() + 3), "fingerprint": "sandbox" + number[len(number)-4:],
			"networks": object{"available": []any{c.brand}},
		},
	})
	s.store.put(o)
	return o
}

// cardBehind answers how a payment method will fare. One that is no card fares
// like a good one here: see debit.
func cardBehind(method object) card {
	if isDebit(method) {
		return card{}
	}
	if method == nil {
		return card{}
	}
	if c, known := cards[str(method, "_card")]; known {
		return c
	}
	return refusing(notATestCard)
}
