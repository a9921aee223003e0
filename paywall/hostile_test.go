package paywall_test

import (
	"testing"

	"newsroom.example/membership/paywall/paywalltest"
)

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(*paywalltest.Issuer){
		"ES256": (*paywalltest.Issuer).Rotate,
		"EdDSA": (*paywalltest.Issuer).RotateEdDSA,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := paywalltest.NewIssuer(t)
			rotate(issuer)
			v := issuer.Verifier(t)
			issuer.RunHostile(t, func(token string) error {
				_, err := v.Verify(token)
				return err
			})
		})
	}
}
