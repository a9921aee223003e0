package stripesim

import (
	"net/http"
	"slices"
)

// handler carries out one API call. The world is locked and up to date.
type handler func(*Sim, *call) (object, *apiError)

// route is one call of the API: its pattern, what it takes, what it does.
type route struct {
	pattern string
	takes   fields
	does    handler
}

// shopCalls are the calls about what is sold, and to whom.
func shopCalls() []route {
	return []route{
		{"POST /v1/products", productFields, createProduct},
		lists("GET /v1/products", "product", productFilters),
		{"GET /v1/products/{id}", nil, retrieve("product")},
		{"POST /v1/products/{id}", productUpdateFields, updateProduct},
		{"DELETE /v1/products/{id}", nil, deleteProduct},

		{"POST /v1/prices", priceFields, createPrice},
		lists("GET /v1/prices", "price", priceFilters),
		{"GET /v1/prices/{id}", nil, retrieve("price")},
		{"POST /v1/prices/{id}", priceUpdateFields, updatePrice},

		{"POST /v1/customers", newCustomerFields, createCustomer},
		lists("GET /v1/customers", "customer", fields{"email": text(512), "created": timeRange(), "test_clock": id()}),
		{"GET /v1/customers/{id}", nil, retrieve("customer")},
		{"POST /v1/customers/{id}", customerFields, updateCustomer},
		{"DELETE /v1/customers/{id}", nil, deleteCustomer},

		{"POST /v1/coupons", couponFields, createCoupon},
		lists("GET /v1/coupons", "coupon", fields{"created": timeRange()}),
		{"GET /v1/coupons/{id}", nil, retrieve("coupon")},
		{"POST /v1/coupons/{id}", couponUpdateFields, updateCoupon},
		{"DELETE /v1/coupons/{id}", nil, deleteCoupon},
		{"POST /v1/promotion_codes", promotionFields, createPromotionCode},
		lists("GET /v1/promotion_codes", "promotion_code", promotionFilters),
		{"GET /v1/promotion_codes/{id}", nil, retrieve("promotion_code")},
		{"POST /v1/promotion_codes/{id}", promotionUpdateFields, updatePromotionCode},
		{"DELETE /v1/customers/{id}/discount", nil, deleteDiscount("customer")},

		{"POST /v1/checkout/sessions", sessionFields, createSession},
		lists("GET /v1/checkout/sessions", "checkout.session", sessionFilters),
		{"GET /v1/checkout/sessions/{id}", nil, retrieve("checkout.session")},
		{"GET /v1/checkout/sessions/{id}/line_items", paging, sessionLineItems},
		{"POST /v1/checkout/sessions/{id}/expire", nil, expireSessionNow},
	}
}

// moneyCalls are the calls about what was bought and paid.
func moneyCalls() []route {
	return []route{
		{"POST /v1/subscriptions", subscribeFields, createSubscription},
		lists("GET /v1/subscriptions", "subscription", subscriptionFilters),
		{"GET /v1/subscriptions/{id}", nil, retrieve("subscription")},
		{"POST /v1/subscriptions/{id}", subscriptionUpdateFields, updateSubscription},
		{"POST /v1/subscriptions/{id}/resume", resumeFields, resumeSubscription},
		{"DELETE /v1/subscriptions/{id}/discount", nil, deleteDiscount("subscription")},
		{"DELETE /v1/subscriptions/{id}", cancelFields, cancelSubscription},

		lists("GET /v1/invoices", "invoice", invoiceFilters),
		{"GET /v1/invoices/upcoming", upcomingFields, upcomingInvoice},
		{"GET /v1/invoices/{id}", nil, retrieve("invoice")},
		{"POST /v1/invoices/{id}/finalize", fields{"auto_advance": boolean()}, finalizeInvoice},
		{"POST /v1/invoices/{id}/void", nil, voidInvoice},
		{"POST /v1/invoices/{id}/mark_uncollectible", nil, giveUpInvoice},
		{"GET /v1/invoices/{id}/lines", paging, invoiceLines},
		{"POST /v1/invoices/{id}/pay", fields{"payment_method": id()}, payInvoice},

		lists("GET /v1/payment_intents", "payment_intent", fields{"customer": id(), "created": timeRange()}),
		{"GET /v1/payment_intents/{id}", nil, retrieve("payment_intent")},
		lists("GET /v1/payment_methods", "payment_method", methodFilters),
		{"GET /v1/payment_methods/{id}", nil, retrieve("payment_method")},
		{"POST /v1/payment_methods/{id}", methodUpdateFields, updateMethod},
		{"POST /v1/payment_methods/{id}/attach", attachFields, attachMethod},
		{"POST /v1/payment_methods/{id}/detach", nil, detachMethod},
		{"GET /v1/customers/{id}/payment_methods", paging.and(fields{"type": oneOf("card", "sepa_debit")}), customerMethods},
		lists("GET /v1/charges", "charge", chargeFilters),
		{"GET /v1/charges/{id}", nil, retrieve("charge")},

		{"POST /v1/invoiceitems", invoiceItemFields, createInvoiceItem},
		lists("GET /v1/invoiceitems", "invoiceitem", invoiceItemFilters),
		{"GET /v1/invoiceitems/{id}", nil, retrieve("invoiceitem")},
		{"POST /v1/invoiceitems/{id}", invoiceItemUpdateFields, updateInvoiceItem},
		{"DELETE /v1/invoiceitems/{id}", nil, deleteInvoiceItem},

		{"POST /v1/refunds", refundFields, createRefund},
		lists("GET /v1/refunds", "refund", refundFilters),
		{"GET /v1/refunds/{id}", nil, retrieve("refund")},
		{"POST /v1/refunds/{id}", fields{"metadata": metadata()}, updateRefund},
		{"POST /v1/refunds/{id}/cancel", nil, cancelRefund},
		lists("GET /v1/disputes", "dispute", disputeFilters),
		{"GET /v1/disputes/{id}", nil, retrieve("dispute")},
		{"POST /v1/disputes/{id}", disputeFields, updateDispute},
		{"POST /v1/disputes/{id}/close", nil, closeDispute},
		lists("GET /v1/balance_transactions", "balance_transaction", balanceFilters),
		{"GET /v1/balance_transactions/{id}", nil, retrieve("balance_transaction")},
	}
}

// accountCalls are the calls about the account, its portal and its events.
func accountCalls() []route {
	return []route{
		{"GET /v1/account", nil, account},
		{"POST /v1/billing_portal/sessions", portalSessionFields, createPortalSession},
		{"POST /v1/billing_portal/configurations", portalConfigFields, createPortalConfig},
		lists("GET /v1/billing_portal/configurations", "billing_portal.configuration", fields{"active": boolean(), "is_default": boolean()}),
		{"GET /v1/billing_portal/configurations/{id}", nil, retrieve("billing_portal.configuration")},
		{"POST /v1/billing_portal/configurations/{id}", portalUpdateFields, updatePortalConfig},

		{"POST /v1/test_helpers/test_clocks", testClockFields, createTestClock},
		lists("GET /v1/test_helpers/test_clocks", testClock, nil),
		{"GET /v1/test_helpers/test_clocks/{id}", nil, retrieve(testClock)},
		{"POST /v1/test_helpers/test_clocks/{id}/advance", fields{"frozen_time": integer().required()}, advanceTestClock},
		{"DELETE /v1/test_helpers/test_clocks/{id}", nil, deleteTestClock},

		lists("GET /v1/events", "event", eventFilters),
		{"GET /v1/events/{id}", nil, retrieve("event")},
		{"POST /v1/webhook_endpoints", endpointFields, createEndpoint},
		lists("GET /v1/webhook_endpoints", "webhook_endpoint", nil),
		{"GET /v1/webhook_endpoints/{id}", nil, retrieve("webhook_endpoint")},
		{"POST /v1/webhook_endpoints/{id}", endpointUpdateFields, updateEndpoint},
		{"DELETE /v1/webhook_endpoints/{id}", nil, deleteEndpoint},
	}
}

// lists is the route that pages through the objects of a kind.
func lists(pattern, kind string, filters fields) route {
	return route{pattern, paging.and(filters), list(kind)}
}

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range slices.Concat(shopCalls(), moneyCalls(), accountCalls()) {
		mux.Handle(rt.pattern, s.serveAPI(rt))
	}
	mux.HandleFunc("/v1/", s.serveUnknown)
	mux.HandleFunc("GET /checkout/{id}", s.showCheckout)
	mux.HandleFunc("POST /checkout/{id}", s.submitCheckout)
	mux.HandleFunc("GET /invoice/{id}", s.showInvoice)
	mux.HandleFunc("POST /invoice/{id}", s.submitInvoice)
	mux.HandleFunc("GET /portal/{id}", s.showPortal)
	mux.HandleFunc("POST /portal/{id}", s.submitPortal)
	return mux
}
