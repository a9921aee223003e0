package paywall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// exchangeTimeout bounds the one call that a reader waits for.
const exchangeTimeout = 5 * time.Second

// given is the membership service's answer to a code (RFC 6749, section 5.1, and
// how long the reader's session lasts), or its refusal (section 5.2).
type given struct {
	Token            string `json:"access_token"`
	SessionExpiresIn int    `json:"session_expires_in"`
	Error            string `json:"error"`
}

// life is how long a cookie with the token is of use, in seconds: when the token in it has
// run out, it says that there was a session. Browsers keep none for longer than 400 days.
func (g given) life() int {
	const longest = 400 * 24 * 60 * 60
	return min(max(g.SessionExpiresIn, renewingSeconds), longest)
}

// errGrant: the code was not good, which is a reader's affair and no fault of anybody's.
var errGrant = errors.New("the code was refused")

// redeem exchanges the code that a reader came back with for their token, and looks at
// it: a token that our own pages would refuse is a fault in somebody's configuration.
func (v *Verifier) redeem(ctx context.Context, query url.Values, verifier string) (given, error) {
	if code := query.Get("error"); code != "" || query.Get("code") == "" {
		return given{}, fmt.Errorf("the membership service answered %q", short(code))
	}
	g, err := v.exchange(ctx, query.Get("code"), verifier)
	if err != nil {
		return given{}, err
	}
	if _, err := v.verify(g.Token); err != nil && !errors.Is(err, ErrUnavailable) {
		return given{}, fmt.Errorf("the token that came for the client: %w", err)
	}
	return g, nil
}

// exchange asks the membership service, with the client's credentials and no others.
func (v *Verifier) exchange(ctx context.Context, code, verifier string) (given, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.config.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return given{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(v.config.Client.ID), url.QueryEscape(v.config.Client.Secret))
	client := *v.config.HTTPClient
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // what is secret goes nowhere else
	resp, err := client.Do(req)
	if err != nil {
		return given{}, fmt.Errorf("exchange a code: %w", err)
	}
	defer resp.Body.Close()
	return readGiven(resp)
}

func readGiven(resp *http.Response) (g given, err error) {
	err = json.NewDecoder(io.LimitReader(resp.Body, 4*MaxTokenBytes)).Decode(&g)
	switch {
	case g.Error == "invalid_grant":
		return given{}, errGrant
	case resp.StatusCode != http.StatusOK || g.Error != "":
		return given{}, fmt.Errorf("exchange a code: %s %q", resp.Status, short(g.Error))
	case err != nil || g.Token == "":
		return given{}, errors.New("exchange a code: the answer is not one")
	}
	return g, nil
}

// short bounds what somebody else says in our log.
func short(s string) string { return s[:min(len(s), 40)] }
