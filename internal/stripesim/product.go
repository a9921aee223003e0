package stripesim

var productUpdateFields = fields{
	"active":               boolean(),
	"default_price":        id(),
	"description":          text(5000).clearable(),
	"images":               arrayOf(text(5000)),
	"metadata":             metadata(),
	"name":                 text(5000),
	"shippable":            boolean(),
	"statement_descriptor": text(22),
	"tax_code":             text(5000).clearable(),
	"unit_label":           text(12).clearable(),
	"url":                  text(5000).clearable(),
}

var productFields = productUpdateFields.and(fields{
	"id":   id(),
	"name": text(5000).required(),
})

var productFilters = fields{
	"active": boolean(), "created": timeRange(), "ids": arrayOf(id()), "shippable": boolean(), "url": text(5000),
}

// productKeys are the parameters that become keys as they are.
var productKeys = []string{
	"active", "description", "images", "name", "shippable", "statement_descriptor", "tax_code", "unit_label", "url",
}

func createProduct(s *Sim, c *call) (object, *apiError) {
	return s.newProduct(c.params)
}

func (s *Sim) newProduct(params object) (object, *apiError) {
	with := pick(params, productKeys...)
	with["metadata"] = withMetadata(nil, params)
	with["updated"] = s.unix()
	if id := str(params, "id"); id != "" {
		if _, taken := s.store.byID[id]; taken {
			return nil, invalid("resource_already_exists", "id", "Product already exists.")
		}
		with["id"] = id
	}
	o := s.add("product", with)
	s.emit("product.created", o, nil)
	return o, nil
}

func updateProduct(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("product", c.id)
	if err != nil {
		return nil, err
	}
	with := pick(c.params, productKeys...)
	with["metadata"] = withMetadata(o, c.params)
	if id := str(c.params, "default_price"); id != "" {
		price, err := s.named("price", id, "default_price")
		if err != nil {
			return nil, err
		}
		if price["product"] != o["id"] {
			return nil, invalid("", "default_price", "The price %s does not belong to this product.", id)
		}
		with["default_price"] = id
	}
	with["updated"] = s.unix()
	s.change(o, "product.updated", with)
	return o, nil
}

// deleteProduct refuses a product that has prices, as Stripe does.
// https://docs.stripe.com/api/products/delete
func deleteProduct(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("product", c.id)
	if err != nil {
		return nil, err
	}
	if len(s.store.all("price", func(p object) bool { return p["product"] == o["id"] })) > 0 {
		return nil, invalid("", "id", "This product cannot be deleted because it has one or more user-created prices.")
	}
	s.store.remove(o)
	s.emit("product.deleted", o, nil)
	return deleted(o), nil
}
