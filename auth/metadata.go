package auth

import (
	"encoding/json"
	"fmt"
)

// metadata is what RFC 8414 asks an issuer to say of itself. Only clients that an
// operator added are given tokens. The authorization endpoint asks nobody to sign in:
// it answers login_required, as OpenID Connect's prompt=none does. The last member is no
// registered one; others use it for the same.
// https://www.rfc-editor.org/rfc/rfc8414#section-2
type metadata struct {
	Issuer        string   `json:"issuer"`
	AuthorizeURL  string   `json:"authorization_endpoint"`
	TokenURL      string   `json:"token_endpoint"`
	KeysURL       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Authenticated []string `json:"token_endpoint_auth_methods_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	Algorithms    []string `json:"access_token_signing_alg_values_supported"`
}

// Metadata is the document at /.well-known/oauth-authorization-server, with the
// algorithms of the keys that are published now.
func (s *Service) Metadata() (Document, error) {
	body, err := json.Marshal(metadata{
		Issuer: s.cfg.Issuer, AuthorizeURL: s.cfg.Issuer + "/renew", TokenURL: s.cfg.Issuer + "/v1/token",
		KeysURL:       s.cfg.Issuer + "/.well-known/jwks.json",
		ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		Authenticated: []string{"client_secret_basic"}, Challenges: []string{"S256"},
		Algorithms: s.Keys.ring.Load().algorithms,
	})
	if err != nil {
		return Document{}, fmt.Errorf("write the issuer's metadata: %w", err)
	}
	return newDocument(body), nil
}
