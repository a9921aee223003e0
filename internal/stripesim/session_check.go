package stripesim

import (
	"strconv"
	"strings"
)

// checkSession refuses what does not go together, before anything is made.
func (s *Sim) checkSession(p object) *apiError {
	for _, check := range []func(object) *apiError{checkMode, checkAddresses, s.checkCustomer, s.checkExpiry, s.checkTrial} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

// onlyIn says in which mode a parameter may be used.
var onlyIn = map[string]string{
	"customer_creation":         "payment",
	"payment_intent_data":       "payment",
	"submit_type":               "payment",
	"payment_method_collection": "subscription",
	"subscription_data":         "subscription",
}

func checkMode(p object) *apiError {
	mode := str(p, "mode")
	for _, param := range sortedKeys(onlyIn) {
		if has(p, param) && onlyIn[param] != mode {
			return invalid("", param, "You can not pass `%s` in `%s` mode.", param, mode)
		}
	}
	return nil
}

func checkAddresses(p object) *apiError {
	for _, param := range []string{"success_url", "cancel_url"} {
		address := strings.ReplaceAll(str(p, param), "{CHECKOUT_SESSION_ID}", "id")
		if address == "" {
			continue
		}
		if err := webAddress(address, param); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sim) checkCustomer(p object) *apiError {
	customer, email := str(p, "customer"), str(p, "customer_email")
	switch {
	case customer != "" && email != "":
		return invalid("", "customer_email", "You may only specify one of these parameters: customer, customer_email.")
	case customer != "" && has(p, "customer_creation"):
		return invalid("", "customer_creation", "You may only specify one of these parameters: customer, customer_creation.")
	case customer == "" && has(p, "customer_update"):
		return invalid("", "customer_update", "`customer_update` can only be used with `customer`.")
	case email != "" && !looksLikeMail(email):
		return invalid("email_invalid", "customer_email", "Invalid email address: %s", email)
	case customer != "":
		_, err := s.named("customer", customer, "customer")
		return err
	}
	return nil
}

// checkExpiry: from 30 minutes to 24 hours after creation.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
func (s *Sim) checkExpiry(p object) *apiError {
	at, sent := p["expires_at"].(int64)
	switch {
	case sent && at < s.unix()+30*60:
		return invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case sent && at > s.unix()+day:
		return invalid("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	return nil
}

// checkTrial: a trial that a session begins lasts two days at least.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-subscription_data-trial_end
func (s *Sim) checkTrial(p object) *apiError {
	data := sub(p, "subscription_data")
	least := int64(2 * day)
	if has(data, "trial_period_days") {
		least = day
	}
	return s.trialFrom(data, object{}, "subscription_data", least)
}

// sessionLines finds or makes the prices of the line items.
func (s *Sim) sessionLines(p object) ([]line, *apiError) {
	given := array(p, "line_items")
	if len(given) == 0 {
		return nil, invalid("parameter_missing", "line_items", "You must provide `line_items` in `%s` mode.", str(p, "mode"))
	}
	for i, g := range given { // all are checked before one is made
		if err := s.checkLine(g, where(i)); err != nil {
			return nil, err
		}
	}
	if err := s.checkTotal(p, given); err != nil {
		return nil, err
	}
	lines := make([]line, len(given))
	for i, g := range given {
		l, err := s.sessionLine(g.(object), where(i))
		if err != nil {
			return nil, err
		}
		lines[i] = l
	}
	return lines, checkDebits(array(p, "payment_method_types"), str(lines[0].price, "currency"))
}

// checkDebits refuses a direct debit in a currency that its banks do not have.
func checkDebits(types []any, code string) *apiError {
	for _, typ := range types {
		if only := debitCurrency[typ.(string)]; only != "" && only != code {
			return invalid("", "payment_method_types", "The payment method `%s` cannot be used with the currency: %s. The payment method supports %s only.", typ, code, only)
		}
	}
	return nil
}

func where(i int) string { return "line_items[" + strconv.Itoa(i) + "]" }

func (s *Sim) checkLine(given any, where string) *apiError {
	g, _ := given.(object)
	data := sub(g, "price_data")
	if (str(g, "price") == "") == (data == nil) {
		return invalid("parameter_missing", under(where, "price"), "You must specify either `price` or `price_data` for each line item.")
	}
	if num(g, "quantity") < 1 {
		return invalid("parameter_missing", under(where, "quantity"), "Quantity is required. Add `quantity` to `%s`.", where)
	}
	if data != nil {
		return checkPrice(data)
	}
	price, err := s.named("price", str(g, "price"), under(where, "price"))
	if err == nil && !flag(price, "active") {
		err = invalid("", under(where, "price"), "The price specified is inactive. This field only accepts active prices.")
	}
	return err
}

// priceOf answers the price, or the data of one, that a line names.
func (s *Sim) priceOf(line any) object {
	if data := sub(line.(object), "price_data"); data != nil {
		return data
	}
	return s.store.byID[str(line.(object), "price")]
}

// checkTotal holds the rules for all lines together: one currency, the right
// kind of prices for the mode, and at least what Stripe charges.
func (s *Sim) checkTotal(p object, given []any) *apiError {
	total, recurring := int64(0), 0
	code := str(s.priceOf(given[0]), "currency")
	for _, g := range given {
		price := s.priceOf(g)
		if str(price, "currency") != code {
			return invalid("", "line_items", "All prices on a Checkout Session must have the same currency.")
		}
		if sub(price, "recurring") != nil {
			recurring++
		}
		total += num(price, "unit_amount") * num(g.(object), "quantity")
	}
	return checkSum(str(p, "mode"), recurring, total, code)
}

func checkSum(mode string, recurring int, total int64, code string) *apiError {
	switch {
	case mode == "payment" && recurring > 0:
		return invalid("", "mode", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case mode == "subscription" && recurring == 0:
		return invalid("", "mode", "You must provide at least one recurring price in `subscription` mode when using prices.")
	case total > largest:
		return invalid("amount_too_large", "line_items", "The Checkout Session's total amount must be no more than %s.", formatted(largest, code))
	case total < minimums[code] && (total > 0 || mode == "payment"):
		return invalid("amount_too_small", "line_items", "The Checkout Session's total amount due must add up to at least %s.", formatted(minimums[code], code))
	}
	return nil
}

// sessionLine makes a line's price if only its data was given. Such a price
// serves this session alone: it is not active.
func (s *Sim) sessionLine(g object, where string) (line, *apiError) {
	quantity := num(g, "quantity")
	data := sub(g, "price_data")
	if data == nil {
		return line{s.store.byID[str(g, "price")], quantity}, nil
	}
	product, err := s.productFor(data, under(where, "price_data"))
	if err != nil {
		return line{}, err
	}
	with := pick(data, "tax_behavior")
	with["active"] = false
	return line{s.newPrice(str(product, "id"), data, with), quantity}, nil
}
