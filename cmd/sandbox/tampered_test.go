package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"newsroom.example/membership/cmd/sandbox/tour"
)

// tampered changes a word in every page of one host: what the tour would see if
// that part were broken.
type tampered struct {
	next     http.RoundTripper
	host     string
	from, to string
}

func (b tampered) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil || r.URL.Hostname() != b.host {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(b.from), []byte(b.to))))
	return answer, nil
}

func TestTheTourFailsWhereTheWallDoesNotStand(t *testing.T) {
	t.Parallel()
	s, err := open(t.Context(), options{dir: t.TempDir(), temporary: true, catalog: catalogFile})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	var missed error
	err = s.run(ctx, func(ctx context.Context) error {
		defer stop()
		places := s.places()
		places.Transport = tampered{s.transport, newsHost, `data-access="opening"`, `data-access="full"`}
		missed = tour.Run(ctx, places, &out)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	for _, step := range []string{"The wall", "The request", "No free month", "Over after the paid month", "The next token"} {
		if missed == nil || !strings.Contains(missed.Error(), step) {
			t.Errorf("%q was not missed: %v\n%s", step, missed, out.String())
		}
	}
}
