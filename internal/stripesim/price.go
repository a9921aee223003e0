package stripesim

import "strconv"

var recurringFields = fields{
	"interval":       oneOf("day", "week", "month", "year").required(),
	"interval_count": integer(),
	"usage_type":     oneOf("licensed"), // metered use is not simulated
}

var priceUpdateFields = fields{
	"active":              boolean(),
	"lookup_key":          text(200).clearable(),
	"metadata":            metadata(),
	"nickname":            text(5000).clearable(),
	"tax_behavior":        oneOf("exclusive", "inclusive", "unspecified"),
	"transfer_lookup_key": boolean(),
}

var priceFields = priceUpdateFields.and(fields{
	"billing_scheme": oneOf("per_unit"),
	"currency":       currency().required(),
	"product":        id(),
	"product_data":   hash(fields{"active": boolean(), "id": id(), "metadata": metadata(), "name": text(5000).required(), "statement_descriptor": text(22), "tax_code": text(5000), "unit_label": text(12)}),
	"recurring":      hash(recurringFields),
	"unit_amount":    integer(),
})

var priceFilters = fields{
	"active": boolean(), "created": timeRange(), "currency": currency(), "lookup_keys": arrayOf(text(200)),
	"product": id(), "recurring": hash(fields{"interval": oneOf("day", "week", "month", "year"), "usage_type": oneOf("licensed", "metered")}),
	"type": oneOf("one_time", "recurring"),
}

func createPrice(s *Sim, c *call) (object, *apiError) {
	if err := checkPrice(c.params); err != nil {
		return nil, err
	}
	if err := s.freeLookupKey(c.params, ""); err != nil {
		return nil, err
	}
	product, err := s.productFor(c.params, "")
	if err != nil {
		return nil, err
	}
	with := pick(c.params, "active", "lookup_key", "nickname", "tax_behavior")
	return s.newPrice(str(product, "id"), c.params, with), nil
}

// checkPrice holds what price and price_data have in common.
func checkPrice(params object) *apiError {
	amount, sent := params["unit_amount"].(int64)
	switch {
	case !sent:
		return invalid("parameter_missing", "unit_amount", "Prices require an `unit_amount` parameter to be set.")
	case amount < 0:
		return invalid("parameter_invalid_integer", "unit_amount", "This value must be greater than or equal to 0.")
	case amount > largest:
		return invalid("amount_too_large", "unit_amount", "Amount must be no more than %s.", formatted(largest, str(params, "currency")))
	}
	if n, sent := at(params, "recurring.interval_count").(int64); sent && n < 1 {
		return invalid("parameter_invalid_integer", "recurring[interval_count]", "This value must be greater than or equal to 1.")
	}
	return nil
}

// productFor finds the product that the parameters name, or makes the one that
// they describe. where is the path of params, for error messages.
func (s *Sim) productFor(params object, where string) (object, *apiError) {
	id, data := str(params, "product"), sub(params, "product_data")
	if (id == "") == (data == nil) {
		return nil, invalid("parameter_missing", under(where, "product"), "You must specify either `product` or `product_data` when creating a price.")
	}
	if data != nil {
		return s.newProduct(data)
	}
	return s.named("product", id, under(where, "product"))
}

// newPrice makes a price; with holds what differs from the template.
func (s *Sim) newPrice(product string, params, with object) object {
	amount := num(params, "unit_amount")
	with["product"] = product
	with["currency"] = params["currency"]
	with["unit_amount"] = amount
	with["unit_amount_decimal"] = strconv.FormatInt(amount, 10)
	with["metadata"] = withMetadata(nil, params)
	if r := sub(params, "recurring"); r != nil {
		with["type"] = "recurring"
		with["recurring"] = object{
			"aggregate_usage": nil, "interval": r["interval"], "interval_count": max(1, num(r, "interval_count")),
			"usage_type": "licensed",
		}
	}
	o := s.add("price", with)
	s.emit("price.created", o, nil)
	return o
}

// freeLookupKey refuses a key that another price has, or takes it from that
// price if the call says to transfer it.
// https://docs.stripe.com/products-prices/manage-prices#lookup-keys
func (s *Sim) freeLookupKey(params object, own string) *apiError {
	key := str(params, "lookup_key")
	if key == "" {
		return nil
	}
	for _, holder := range s.store.all("price", func(p object) bool { return p["lookup_key"] == key }) {
		if str(holder, "id") == own {
			continue
		}
		if !flag(params, "transfer_lookup_key") {
			return invalid("resource_already_exists", "lookup_key", "A price (`%s`) already uses that lookup key.", str(holder, "id"))
		}
		s.change(holder, "price.updated", object{"lookup_key": nil})
	}
	return nil
}

func updatePrice(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("price", c.id)
	if err != nil {
		return nil, err
	}
	if err := s.freeLookupKey(c.params, c.id); err != nil {
		return nil, err
	}
	with := pick(c.params, "active", "lookup_key", "nickname", "tax_behavior")
	with["metadata"] = withMetadata(o, c.params)
	s.change(o, "price.updated", with)
	return o, nil
}
