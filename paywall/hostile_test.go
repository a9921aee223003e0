package paywall_test

import (
	"testing"

	"newsroom.example/membership/paywall/paywalltest"
)

func TestHostile(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	issuer.RunHostile(t, func(token string) error {
		_, err := v.Verify(token)
		return err
	})
}
