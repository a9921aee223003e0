package browser

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// record is what a browser did besides showing pages.
type record struct {
	mu        sync.Mutex
	documents map[network.RequestID]bool
	sent      map[string]map[string]bool // host → names of cookies
	bad       []string
}

func newRecord() *record {
	return &record{documents: map[network.RequestID]bool{}, sent: map[string]map[string]bool{}}
}

// event is called by the browser's own reader: it must be quick.
func (r *record) event(ev any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		r.documents[ev.RequestID] = ev.Type == network.ResourceTypeDocument
	case *network.EventRequestWillBeSentExtraInfo:
		r.request(ev)
	case *runtime.EventExceptionThrown:
		r.bad = append(r.bad, exception(ev.ExceptionDetails))
	case *log.EventEntryAdded:
		r.entry(ev.Entry)
	}
}

// request notes the cookies that really went out. What was asked for says less: a
// browser adds cookies later, and to redirects.
func (r *record) request(ev *network.EventRequestWillBeSentExtraInfo) {
	var host, cookies string
	for name, value := range ev.Headers {
		switch strings.ToLower(name) {
		case "host":
			host = fmt.Sprint(value)
		case "cookie":
			cookies = fmt.Sprint(value)
		}
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for pair := range strings.SplitSeq(cookies, "; ") {
		if name, _, ok := strings.Cut(pair, "="); ok {
			if r.sent[host] == nil {
				r.sent[host] = map[string]bool{}
			}
			r.sent[host][name] = true
		}
	}
}

// entry keeps the errors. That a page answers 404 is for the test to judge; that a
// page misses one of its files is a fault anywhere. No page asked for favicon.ico.
func (r *record) entry(e *log.Entry) {
	expected := r.documents[e.NetworkRequestID] || strings.HasSuffix(e.URL, "/favicon.ico")
	if e.Level == log.EntryLevelError && !expected {
		r.bad = append(r.bad, fmt.Sprintf("%s: %s %s", e.Source, e.Text, e.URL))
	}
}

func exception(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}

// complaints empties the list: each is judged once.
func (r *record) complaints() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	bad := r.bad
	r.bad = nil
	return bad
}

func (r *record) cookies(host string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.sent[host]))
}
