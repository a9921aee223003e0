package main

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const signingSecret = "whsec_bench"

// eventText is a delivery as Stripe writes it: an invoice with one line, which is
// what most deliveries are about.
//
//go:embed event.json
var eventText string

// letter is a signed delivery, whole as it goes over the line.
func letter(event, customer string) []byte {
	return request(strings.NewReplacer("evt_EVENT", event, "cus_CUSTOMER", customer).Replace(eventText))
}

// request is the POST of a body, signed now.
func request(body string) []byte {
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: signingSecret, Timestamp: time.Now()})
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nStripe-Signature: %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		intakePath, signed.Header, len(body), body)
}

// customers is how many the deliveries are about, in turn.
const customers = 2_000

// letters are n deliveries of events that nobody has seen.
func letters(batch string, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = letter(fmt.Sprintf("evt_%s_%d", batch, i), fmt.Sprintf("cus_bench%d", i*7919%customers))
	}
	return all
}
