// Package oracle says what must be so, given what Stripe says: who may read what, and
// what the ledger holds. It asks the simulator in plain HTTP and judges by Stripe's
// documentation and the newsroom's default policy. It imports nothing of ours: what the
// service and it both get wrong, the golden timelines in cmd/service find.
//
// It is linked by the fault harness and by tests only.
package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// API asks the simulator what anybody with the key can ask, in plain HTTP: the oracle
// must not share a misunderstanding with the service's own client.
type API struct {
	Base, Key string
	Client    *http.Client
}

// Call sends a form, in the body of a POST or else in the query, and decodes the
// answer. Any status but 200 is an error.
func (a API) Call(ctx context.Context, method, path string, form url.Values, into any) error {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		path += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, a.Base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := a.Client.Do(req)
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

// Post is Call for what changes something.
func (a API) Post(ctx context.Context, path string, form url.Values, into any) error {
	return a.Call(ctx, http.MethodPost, path, form, into)
}

// List pages through a list to its end, the newest first.
func List[T any](ctx context.Context, a API, path string, form url.Values) ([]T, error) {
	var all []T
	query := url.Values{"limit": {"100"}}
	for name, values := range form {
		query[name] = values
	}
	for {
		var page struct {
			Data    []json.RawMessage `json:"data"`
			HasMore bool              `json:"has_more"`
		}
		if err := a.Call(ctx, http.MethodGet, path, query, &page); err != nil {
			return nil, err
		}
		var last struct{ ID string }
		for _, raw := range page.Data {
			var one T
			if err := json.Unmarshal(raw, &one); err != nil {
				return nil, fmt.Errorf("list %s: %w", path, err)
			}
			if err := json.Unmarshal(raw, &last); err != nil {
				return nil, fmt.Errorf("list %s: %w", path, err)
			}
			all = append(all, one)
		}
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
		query.Set("starting_after", last.ID)
	}
}
