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
		Issuer:   "https://members.example.news/",
		Audience: "www.example.news",
		JWKSURL:  "ftp://members.example.news/keys",
		RenewURL: "/renew",
		Leeway:   -time.Second,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"Issuer", "Audience", "JWKSURL", "RenewURL", "Leeway"} {
		if !strings.Contains(err.Error(), name+":") && !strings.Contains(err.Error(), name+",") {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	if _, err := paywall.New(paywall.Config{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
	same := paywall.Config{Issuer: "https://example.news", Audience: "https://example.news"}
	if _, err := paywall.New(same); err == nil {
		t.Error("an audience that is the issuer was accepted")
	}
}
