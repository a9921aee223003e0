package stripesim

import (
	"context"
	"fmt"
	"net/http"
)

// DeliverInOrder delivers these events one after the other, each once to every
// endpoint that wants it, and goes on to the next when the answer to the last
// is there. It does so whether they arrived before, are held back by
// StopDelivering or were lost, and no fault strikes them; so every order of a
// few events can be tried. It answers the attempts in order. What an endpoint
// refuses is not tried again by this, but still waits if it was held back.
func (s *Sim) DeliverInOrder(ctx context.Context, events ...string) ([]Delivery, error) {
	var out []Delivery
	for _, id := range events {
		found, err := s.deliverNow(ctx, id)
		if err != nil {
			return out, fmt.Errorf("deliver in order: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func (s *Sim) deliverNow(ctx context.Context, id string) (out []Delivery, err error) {
	event, endpoints, requests, err := s.envelopes(id)
	if err != nil {
		return nil, err
	}
	for i, req := range requests {
		status, problem := s.courier.send(req.WithContext(ctx))
		s.live(func() {
			d := s.record(event, endpoints[i], Delivery{Status: status, Error: problem})
			if p := s.courier.parcels[id+" "+d.Endpoint]; p != nil && d.OK() {
				s.finish(p)
			}
			out = append(out, d)
		})
	}
	return out, ctx.Err()
}

// envelopes writes an event's letters, for all who want it.
func (s *Sim) envelopes(id string) (event object, endpoints []object, requests []*http.Request, err error) {
	s.live(func() {
		var known bool
		if event, known = s.store.find("event", id); !known {
			err = fmt.Errorf("no event %s", id)
			return
		}
		endpoints = s.listeners(event)
		for _, endpoint := range endpoints {
			req, failed := s.request(s.letter(event, endpoint), endpoint)
			if failed != nil {
				err = failed
				return
			}
			requests = append(requests, req)
		}
	})
	return event, endpoints, requests, err
}
