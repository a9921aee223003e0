package stripesim

import (
	"fmt"
	"net/url"
	"time"
)

var endpointFields = fields{
	"url":            text(5000).required(),
	"enabled_events": arrayOf(text(255)).required(),
	"api_version":    text(255),
	"description":    text(5000).clearable(),
	"metadata":       metadata(),
}

var endpointUpdateFields = fields{
	"url":            text(5000),
	"enabled_events": arrayOf(text(255)),
	"description":    text(5000).clearable(),
	"disabled":       boolean(),
	"metadata":       metadata(),
}

// createEndpoint answers the signing secret; no later call shows it again.
// https://docs.stripe.com/api/webhook_endpoints/object#webhook_endpoint_object-secret
func createEndpoint(s *Sim, c *call) (object, *apiError) {
	if err := webAddress(str(c.params, "url"), "url"); err != nil {
		return nil, err
	}
	if len(array(c.params, "enabled_events")) == 0 {
		return nil, invalid("parameter_invalid_empty", "enabled_events", "Missing required param: enabled_events.")
	}
	with := pick(c.params, "url", "enabled_events", "api_version", "description")
	with["metadata"] = withMetadata(nil, c.params)
	o := s.newEndpoint(with)
	answer := cloned(o)
	answer["secret"] = o["_secret"]
	return answer, nil
}

func (s *Sim) newEndpoint(with object) object {
	with["_secret"] = "whsec_" + letters(32)
	return s.add("webhook_endpoint", with)
}

// secretsOf are the secrets that sign for an endpoint now, the newest first.
func (s *Sim) secretsOf(endpoint object) []string {
	secrets := []string{str(endpoint, "_secret")}
	if old := sub(endpoint, "_rolled"); num(old, "until") > s.unix() {
		secrets = append(secrets, str(old, "secret"))
	}
	return secrets
}

// RollSecret gives the endpoint at an address a new signing secret and answers
// it. For as long as keep the old one signs too, a second v1 in each header;
// Stripe lets one choose up to a day.
// https://docs.stripe.com/webhooks#roll-endpoint-secrets
func (s *Sim) RollSecret(address string, keep time.Duration) (secret string, err error) {
	s.live(func() {
		found := s.store.all("webhook_endpoint", func(o object) bool { return str(o, "url") == address })
		if len(found) == 0 {
			err = fmt.Errorf("roll a secret: no endpoint at %q", address)
			return
		}
		o := found[0]
		o["_rolled"] = object{"secret": o["_secret"], "until": s.unix() + int64(keep.Seconds())}
		secret = "whsec_" + letters(32)
		o["_secret"], s.changed = secret, true
	})
	return secret, err
}

func updateEndpoint(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("webhook_endpoint", c.id)
	if err != nil {
		return nil, err
	}
	if to := str(c.params, "url"); to != "" {
		if err := webAddress(to, "url"); err != nil {
			return nil, err
		}
	}
	with := pick(c.params, "url", "enabled_events", "description")
	with["metadata"] = withMetadata(o, c.params)
	if off, sent := c.params["disabled"].(bool); sent {
		with["status"] = map[bool]string{true: "disabled", false: "enabled"}[off]
	}
	s.change(o, "", with)
	return o, nil
}

func deleteEndpoint(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("webhook_endpoint", c.id)
	if err != nil {
		return nil, err
	}
	s.store.remove(o)
	s.changed = true
	return deleted(o), nil
}

// deleted is the answer to every successful deletion.
func deleted(o object) object {
	return object{"id": o["id"], "object": o["object"], "deleted": true}
}

// withMetadata answers o's metadata with the call's keys laid over it. An empty
// value takes a key away, an empty metadata takes all.
// https://docs.stripe.com/metadata
func withMetadata(o, params object) object {
	out := cloned(sub(o, "metadata"))
	if out == nil {
		out = object{}
	}
	patch, sent := params["metadata"]
	if sent && patch == nil {
		return object{}
	}
	for k, v := range sub(params, "metadata") {
		if v == "" {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

// webAddress refuses what is not an absolute http or https address.
func webAddress(address, param string) *apiError {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return invalid("url_invalid", param, "Not a valid URL")
	}
	return nil
}
