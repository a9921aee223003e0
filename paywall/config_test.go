package paywall_test

import (
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
)

func TestConfigFaultsComeAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := paywall.New(paywall.Config{
		Issuer:          "https://members.example.news/",
		Audience:        "www.example.news",
		JWKSURL:         "ftp://members.example.news/keys",
		RevocationsURL:  "members.example.news/revocations",
		RenewURL:        "/renew",
		Leeway:          -time.Second,
		FailClosedAfter: -time.Second,
		KeysFile:        "/no/such/folder/keys.json",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"Issuer", "Audience", "JWKSURL", "RevocationsURL", "RenewURL", "Leeway", "FailClosedAfter", "KeysFile"} {
		if !strings.Contains(err.Error(), name+":") && !strings.Contains(err.Error(), name+",") {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	if _, err := paywall.New(paywall.Config{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*paywall.Config){
		"an audience that is the issuer":   func(c *paywall.Config) { c.Audience = c.Issuer },
		"closing before the feed is asked": func(c *paywall.Config) { c.FailClosedAfter = 5 * time.Second },
		"a client without a secret":        func(c *paywall.Config) { c.Client.ID = "cli_1" },
		"a secret without a client":        func(c *paywall.Config) { c.Client.Secret = "s3cret" },
		"a token URL that is none":         func(c *paywall.Config) { c.TokenURL = "/v1/token" },
		"closing for want of no feed":      func(c *paywall.Config) { c.FailClosedAfter, c.Revocations = time.Hour, -1 },
	} {
		config := paywall.Config{Issuer: "https://members.example.news", Audience: "https://www.example.news"}
		change(&config)
		if _, err := paywall.New(config); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
