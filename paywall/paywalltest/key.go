package paywalltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/golang-jwt/jwt/v5"

	"newsroom.example/membership/paywall"
)

// key is a key pair with its published half.
type key struct {
	public  paywall.JWK
	private crypto.Signer
}

func newKey(private crypto.Signer, err error) key {
	private = must(private, err)
	return key{public: must(paywall.NewJWK(private.Public())), private: private}
}

// Rotate publishes a new ES256 key beside the old ones and signs with it from
// now on.
func (i *Issuer) Rotate() {
	i.publish(newKey(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
}

// RotateEdDSA is Rotate to an Ed25519 key.
func (i *Issuer) RotateEdDSA() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	i.publish(newKey(private, err))
}

func (i *Issuer) publish(k key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, k)
}

func (i *Issuer) signer() key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// header is the header of what is good.
func (k key) header(typ string) []byte {
	return []byte(`{"alg":"` + k.public.Algorithm + `","kid":"` + k.public.ID + `","typ":"` + typ + `"}`)
}

// sign signs any header and payload.
func (k key) sign(header, payload []byte) string {
	signed := encode(header) + "." + encode(payload)
	method := jwt.GetSigningMethod(k.public.Algorithm)
	return signed + "." + encode(must(method.Sign(signed, k.private)))
}
