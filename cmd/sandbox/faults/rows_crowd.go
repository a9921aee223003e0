package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// slowloris opens two hundred connections to each replica that send a byte now and
// then: half of them never finish a header, half never a body. Valid deliveries must
// get through meanwhile, at the first attempt, and every one of the others must be let
// go.
func slowloris(ctx context.Context, w *world) error {
	many := 200 * len(w.nodes)
	begun, ended := make(chan struct{}, many), make(chan error, many)
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for i := range many {
		go func() { ended <- w.trickle(ctx, w.nodes[i%len(w.nodes)].address, i/len(w.nodes)%2 == 0, begun) }()
	}
	w.injected.add("slow connections", many)
	for range many {
		select {
		case <-begun:
		case err := <-ended:
			return errors.Join(errors.New("a slow connection never began"), err)
		}
	}
	if err := w.meanwhile(ctx, func() bool { return len(ended) == many }); err != nil {
		return err
	}
	for range many {
		if err := <-ended; err != nil {
			return err
		}
	}
	w.checked.add("slow connections let go", many)
	return nil
}

// meanwhile has one reader after the other subscribe, until all of what harms the
// service is over: every delivery must be taken when it first comes.
func (w *world) meanwhile(ctx context.Context, over func() bool) error {
	takenBefore, refusedBefore := w.door.deliveries()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for first := true; first || !over(); first = false {
		if _, err := w.readers(ctx, 1); err != nil {
			return err
		}
		if err := w.sim.WaitQuiet(ctx); err != nil {
			return err
		}
		<-tick.C
	}
	taken, refused := w.door.deliveries()
	w.checked.add("valid deliveries taken meanwhile", taken-takenBefore)
	w.expect(refused == refusedBefore, "%d valid deliveries were not taken when they first came", refused-refusedBefore)
	return nil
}

// trickle sends a request byte by byte until the service has had enough. The signature
// of a body might match until the whole body is there, so that it must be waited for.
func (w *world) trickle(ctx context.Context, address string, header bool, begun chan<- struct{}) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := "POST " + webhookPath + " HTTP/1.1\r\nHost: x\r\n"
	if !header {
		begin += "Stripe-Signature: " + sign("", w.secret, w.clock.Now()) + "\r\nContent-Length: 400000\r\n\r\n"
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		return nil // let go
	}
	begun <- struct{}{}
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.New("a slow connection was not let go")
		case <-tick.C:
		}
		if _, err := io.WriteString(conn, "x"); err != nil {
			return nil
		}
	}
}

const largeBodies = "bodies of 10 MiB"

// large sends bodies of ten mebibytes, one after the other, while valid deliveries come
// in.
func large(ctx context.Context, w *world) error {
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.sendLarge(ctx, stop) }()
	err := w.meanwhile(ctx, func() bool {
		return w.injected.of("readers") >= 10 && w.injected.of(largeBodies) >= 20 || len(ended) > 0
	})
	close(stop)
	return errors.Join(err, <-ended, w.delivered(ctx))
}

// sendLarge sends them until it is told to stop, every other one announced.
func (w *world) sendLarge(ctx context.Context, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := w.tooLarge(ctx, i%2 == 0); err != nil {
			return err
		}
		w.injected.add(largeBodies, 1)
	}
}

// tooLarge sends ten mebibytes; of a length that nobody knows beforehand, if it is not
// announced.
func (w *world) tooLarge(ctx context.Context, announced bool) error {
	var body io.Reader = bytes.NewReader(make([]byte, 10<<20))
	if !announced {
		body = struct{ io.Reader }{body}
	}
	status, err := w.knock(ctx, body, sign("", w.secret, w.clock.Now())) // it might match until the body is read
	if err == nil && status != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("ten mebibytes were answered with %d", status)
	}
	return nil // an answer that is lost because the line is cut is as good
}
