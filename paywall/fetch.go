package paywall

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const fetchTimeout = 10 * time.Second

// answer is what the issuer said to a request.
type answer struct {
	status int // 200, or 304 where an ETag was sent
	header http.Header
	body   []byte
}

// fetch gets a document of at most limit bytes from the issuer; with an ETag,
// only if it has changed (RFC 9110, section 13.1.2).
func (v *Verifier) fetch(ctx context.Context, url, accept, etag string, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", accept)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := v.config.HTTPClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	unchanged := resp.StatusCode == http.StatusNotModified && etag != ""
	if resp.StatusCode != http.StatusOK && !unchanged {
		return answer{}, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return answer{}, fmt.Errorf("read: %w", err)
	}
	if int64(len(body)) > limit {
		return answer{}, fmt.Errorf("more than %d bytes", limit)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}
