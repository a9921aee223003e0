package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// stripeAPI asks the simulator what anybody with the key can ask, in plain HTTP:
// the oracle must not share a misunderstanding with the service's own client.
type stripeAPI struct {
	base   string
	client *http.Client
}

// stripeKey opens the simulator, which takes any test key.
const stripeKey = "sk_test_sandbox"

func (a stripeAPI) call(ctx context.Context, method, path string, form url.Values, into any) error {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		path += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, raw)
	}
	return json.Unmarshal(raw, into)
}

func (a stripeAPI) post(ctx context.Context, path string, form url.Values, into any) error {
	return a.call(ctx, http.MethodPost, path, form, into)
}

// identified is what every object of a list has.
type identified interface{ id() string }

// listAll pages through a list to its end.
func listAll[T identified](ctx context.Context, a stripeAPI, path string, form url.Values) ([]T, error) {
	var all []T
	query := url.Values{"limit": {"100"}}
	for name, values := range form {
		query[name] = values
	}
	for {
		var page struct {
			Data    []T  `json:"data"`
			HasMore bool `json:"has_more"`
		}
		if err := a.call(ctx, http.MethodGet, path, query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
		query.Set("starting_after", page.Data[len(page.Data)-1].id())
	}
}
