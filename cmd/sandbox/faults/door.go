package faults

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// door is the service's one address before all its replicas, as a load balancer
// would be, and the witness of what they acknowledged. A replica that is gone costs
// its delivery the answer: Stripe has to come again.
type door struct {
	listener  net.Listener
	server    *http.Server
	transport *http.Transport

	mu     sync.Mutex
	nodes  []string // addresses, by replica; "" while one is down
	next   int
	acked  map[string]int     // event → how often a replica answered it with 2xx
	status map[int]int        // of answers to deliveries; 0 for none
	before func(event string) // called before a delivery goes on; nil for nothing
}

func openDoor() (*door, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &door{
		listener: listener, acked: map[string]int{}, status: map[int]int{},
		transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, ResponseHeaderTimeout: 60 * time.Second},
	}
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = d.server.Serve(listener) }()
	return d, nil
}

func (d *door) port() int { return d.listener.Addr().(*net.TCPAddr).Port }

func (d *door) close() error {
	err := d.server.Close()
	d.transport.CloseIdleConnections()
	return err
}

// open leads to a replica at an address, or to none where it is "".
func (d *door) open(replica int, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.nodes) <= replica {
		d.nodes = append(d.nodes, "")
	}
	d.nodes[replica] = address
}

// choose is the replica that is next in turn, whether it lives or not; "" for none
// or one that is known to be down.
func (d *door) choose() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.nodes) == 0 {
		return ""
	}
	d.next++
	return d.nodes[d.next%len(d.nodes)]
}

// anyLive is a replica that lives, for readers: a load balancer spares them a dead
// one.
func (d *door) anyLive() string {
	for range 8 {
		if address := d.choose(); address != "" {
			return address
		}
	}
	return ""
}

const webhookPath = "/webhooks/stripe"

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == webhookPath && r.Method == http.MethodPost {
		d.deliver(w, r)
		return
	}
	if address := d.anyLive(); address != "" {
		_, _ = d.pass(w, r, address, r.Body)
		return
	}
	w.WriteHeader(http.StatusBadGateway)
}

func (d *door) deliver(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	event := eventID(body)
	if wait := d.hook(); wait != nil {
		wait(event)
	}
	status := 0
	if address := d.choose(); address != "" {
		status, _ = d.pass(w, r, address, bytes.NewReader(body))
	} else {
		w.WriteHeader(http.StatusBadGateway)
	}
	d.note(event, status)
}

func (d *door) hook() func(string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.before
}

// setHook calls before with each delivery's event before it goes on.
func (d *door) setHook(before func(event string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

func (d *door) note(event string, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status[status]++
	if status >= 200 && status < 300 {
		d.acked[event]++
	}
}

// pass hands a request to a replica and its answer back; 502 and status 0 where
// there is no answer.
func (d *door) pass(w http.ResponseWriter, r *http.Request, address string, body io.Reader) (status int, err error) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = "http", address
	out.Body = io.NopCloser(body)
	answer, err := d.transport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return 0, err
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, err = io.Copy(w, answer.Body)
	return answer.StatusCode, err
}

// acknowledged are the events that some replica answered with 2xx.
func (d *door) acknowledged() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]string, 0, len(d.acked))
	for event := range d.acked {
		all = append(all, event)
	}
	return all
}

// deliveries is how many attempts were answered with a 2xx, and how many not.
func (d *door) deliveries() (taken, refused int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for status, n := range d.status {
		if status >= 200 && status < 300 {
			taken += n
		} else {
			refused += n
		}
	}
	return taken, refused
}

func eventID(body []byte) string {
	var event struct{ ID string }
	_ = json.Unmarshal(body, &event) // what is no JSON names no event
	return event.ID
}
