// Package paywall is what an article service imports to learn, without asking
// anybody, what the reader in front of it may read. It checks the access
// tokens of a membership service against that service's published keys and
// offers the answer to net/http handlers.
//
//	v, err := paywall.New(paywall.Config{
//		Issuer:   "https://members.example.news",
//		Audience: "https://www.example.news",
//	})
//	defer v.Close()
//	mux.Handle("GET /a/{slug}", v.Require("articles:full")(article))
//
// It does not sign tokens, keep sessions or know what anything costs, and it
// never calls the membership service while a reader waits: keys, and which
// tokens were called back, are fetched in the background.
package paywall
