package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"newsroom.example/membership/handlers"
)

func domainless(c *handlers.Config) { c.CookieDomain = "" }

// code is one for that browser's reader.
func (e *elsewhere) code(b *browser) string {
	e.t.Helper()
	return must(url.Parse(b.get(e.ask()).to(otherDoor)))(e.t).Query().Get("code")
}

// exchange posts a form as a server does, without a word about where it comes from.
func (e *elsewhere) exchange(form string, change ...func(*http.Request)) seen {
	r := httptest.NewRequest(http.MethodPost, membersURL+"/v1/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(e.client.ID, e.client.Secret)
	for _, c := range change {
		c(r)
	}
	return e.browser().do(r)
}

func formOf(code string) string {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {rfcVerifier}}.Encode()
}

func TestAClientGetsAToken(t *testing.T) {
	t.Parallel()
	n := open(t)
	e, b := n.elsewhere(), n.browser()
	b.signIn("ada@example.org")
	answer := e.exchange(formOf(e.code(b))).want(200)
	for name, want := range map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json"} {
		wantEqual(t, name, answer.Header.Get(name), want)
	}
	var said struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Life    int    `json:"expires_in"`
		Session int    `json:"session_expires_in"`
	}
	n.check(json.Unmarshal([]byte(answer.Body), &said))
	wantEqual(t, "answer", []any{said.Type, said.Life, said.Session}, []any{"Bearer", 600, 90 * 24 * 3600})
	if len(answer.set) > 0 {
		t.Errorf("cookies for a server: %v", answer.set)
	}
}

// The refusals of RFC 6749, section 5.2, as its clients read them.
func TestHowClientsAreRefused(t *testing.T) {
	t.Parallel()
	n := open(t)
	e, b := n.elsewhere(), n.browser()
	b.signIn("ada@example.org")
	used := e.code(b)
	e.exchange(formOf(used)).want(200)
	secret := func(s string) func(*http.Request) { return func(r *http.Request) { r.SetBasicAuth(e.client.ID, s) } }
	for name, c := range map[string]struct {
		form   string
		change func(*http.Request)
		status int
		code   string
	}{
		"a used code":        {formOf(used), nil, 400, "invalid_grant"},
		"no code":            {"grant_type=authorization_code&code_verifier=x", nil, 400, "invalid_request"},
		"no verifier":        {"grant_type=authorization_code&code=x", nil, 400, "invalid_request"},
		"no grant type":      {"code=x&code_verifier=x", nil, 400, "invalid_request"},
		"code twice":         {formOf("x") + "&code=y", nil, 400, "invalid_request"},
		"another grant type": {"grant_type=password&username=a&password=b", nil, 400, "unsupported_grant_type"},
		"nothing":            {"", nil, 400, "invalid_request"},
		"in the query":       {"", func(r *http.Request) { r.URL.RawQuery = formOf("x") }, 400, "invalid_request"},
		"wrong secret":       {formOf("x"), secret("guessed"), 401, "invalid_client"},
		"broken escape":      {formOf("x"), secret("%zz"), 401, "invalid_client"},
		"no credentials":     {formOf("x"), func(r *http.Request) { r.Header.Del("Authorization") }, 401, "invalid_client"},
		"in the body":        {formOf("x") + "&client_id=" + e.client.ID + "&client_secret=" + e.client.Secret, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "invalid_client"},
		"JSON":               {"{}", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, "invalid_request"},
		"too large":          {"code=" + strings.Repeat("x", 70_000), nil, 413, "invalid_request"},
		"no text":            {"code=%00", nil, 400, "invalid_request"},
	} {
		if c.change == nil {
			c.change = func(*http.Request) {}
		}
		answer := e.exchange(c.form, c.change)
		var said struct {
			Code string `json:"error"`
		}
		n.check(json.Unmarshal([]byte(answer.Body), &said))
		wantEqual(t, name, []any{answer.Status, said.Code, answer.Header.Get("Cache-Control")}, []any{c.status, c.code, "no-store"})
		wantEqual(t, name+": a challenge", answer.Header.Get("WWW-Authenticate") != "", c.status == 401)
		if strings.Contains(answer.Body, e.client.Secret) {
			t.Errorf("%s: the secret comes back: %s", name, answer.Body)
		}
	}
	if log := n.log.String(); strings.Contains(log, e.client.Secret) || strings.Contains(log, used) || strings.Contains(log, rfcVerifier) {
		t.Error("a secret, a code or a verifier is in the log")
	}
}

func TestGuessingSecretsEndsInPatience(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	var last seen
	for range 202 {
		last = e.exchange(formOf("x"), func(r *http.Request) { r.SetBasicAuth(e.client.ID, "guessed") })
	}
	last.want(429, "temporarily_unavailable")
	wantEqual(t, "Retry-After", last.Header.Get("Retry-After"), "60")
}

func TestWithoutADatabaseTheClientIsAskedForPatience(t *testing.T) {
	t.Parallel()
	n := open(t)
	e, b := n.elsewhere(), n.browser()
	b.signIn("ada@example.org")
	form := formOf(e.code(b))
	n.check(n.db.Exec("ALTER TABLE client_codes RENAME TO away").Error)
	e.exchange(form).want(500, "server_error").wantNot("away", "client_codes")
}

func TestTheIssuerSaysWhatItsClientsMayDo(t *testing.T) {
	t.Parallel()
	var said map[string]any
	n := open(t)
	n.check(json.Unmarshal([]byte(n.browser().get("/.well-known/oauth-authorization-server").want(200).Body), &said))
	for name, want := range map[string]any{
		"authorization_endpoint": membersURL + "/renew", "token_endpoint": membersURL + "/v1/token",
		"response_types_supported": []any{"code"}, "grant_types_supported": []any{"authorization_code"},
		"token_endpoint_auth_methods_supported": []any{"client_secret_basic"}, "code_challenge_methods_supported": []any{"S256"},
	} {
		wantEqual(t, name, said[name], want)
	}
}
