package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// browser is one reader's: it keeps cookies, follows redirects and sends the
// headers by which pages know a browser. It runs no script.
type browser struct {
	client *http.Client
	jar    *jar
	hops   []string // of the request under way
}

func (t *tour) browser() *browser {
	b := &browser{jar: newJar()}
	b.client = &http.Client{
		Jar: b.jar, Transport: t.witness, Timeout: 30 * time.Second,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 10 {
				return fmt.Errorf("redirected in a circle: %s", strings.Join(b.hops, " "))
			}
			b.hops = append(b.hops, r.URL.String())
			return nil
		},
	}
	return b
}

// open goes to an address, as by typing it or by following a link.
func (b *browser) open(ctx context.Context, address string) (page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return page{}, err
	}
	r.Header.Set("Sec-Fetch-Site", "none")
	return b.send(r)
}

// submit sends a form that was found on a page.
func (b *browser) submit(ctx context.Context, f *form) (page, error) {
	if f.err != nil {
		return page{}, f.err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.action.String(), strings.NewReader(f.values.Encode()))
	if err != nil {
		return page{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", f.on.url.Scheme+"://"+f.on.url.Host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

func (b *browser) send(r *http.Request) (page, error) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Accept-Language", language)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	b.hops = nil
	response, err := b.client.Do(r)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return page{}, fmt.Errorf("read %s: %w", r.URL, err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return page{}, fmt.Errorf("parse %s: %w", r.URL, err)
	}
	return page{url: response.Request.URL, status: response.StatusCode, hops: b.hops, root: root, body: body}, nil
}

// cookie is what this browser would send there under that name; "" for nothing.
func (b *browser) cookie(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
