package auth

import (
	"encoding/json"
	"fmt"
)

// metadata is what RFC 8414 asks an issuer to say of itself, as far as there is
// something to say: nobody but our own pages is given tokens here. The last member is
// no registered one; others use it for the same.
// https://www.rfc-editor.org/rfc/rfc8414#section-2
type metadata struct {
	Issuer        string   `json:"issuer"`
	KeysURL       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Algorithms    []string `json:"access_token_signing_alg_values_supported"`
}

// Metadata is the document at /.well-known/oauth-authorization-server, with the
// algorithms of the keys that are published now.
func (s *Service) Metadata() (Document, error) {
	body, err := json.Marshal(metadata{
		Issuer: s.cfg.Issuer, KeysURL: s.cfg.Issuer + "/.well-known/jwks.json",
		ResponseTypes: []string{}, GrantTypes: []string{},
		Algorithms: s.Keys.ring.Load().algorithms,
	})
	if err != nil {
		return Document{}, fmt.Errorf("write the issuer's metadata: %w", err)
	}
	return newDocument(body), nil
}
