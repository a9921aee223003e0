package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// The crowd: senders of bodies as large as are taken, one after the other, and
	// senders that take their time, half of them after the first large piece.
	largeSenders = 100
	slowSenders  = 200
	largeBody    = 512<<10 - 1<<10
	slowPiece    = 32 << 10
	slowEvery    = 100 * time.Millisecond

	// Who must not notice it: ordinary deliveries, 50 a second.
	ordinary      = 500
	ordinaryEvery = 20 * time.Millisecond

	mebibytes = 1e6 / (1 << 20) // per megabyte
)

// measureCrowd is what the program's memory grows by under the crowd, and how long
// ordinary deliveries take meanwhile.
func measureCrowd(ctx context.Context) ([]figure, error) {
	return atWork(ctx, "crowd", 0, func(_ *newsroom, serving *running) ([]figure, error) {
		before, err := resident(serving.pid)
		if err != nil {
			return nil, err
		}
		most, times, err := underCrowd(ctx, serving)
		if err != nil {
			return nil, err
		}
		return []figure{
			atMost("crowd of 100 large and 200 slow senders: memory grows", (most-before)*mebibytes, 64, "MiB"),
			atMost("crowd of 100 large and 200 slow senders: p99", percentile(times, 0.99), 500, "ms"),
		}, nil
	})
}

// underCrowd sends the ordinary deliveries through the crowd.
func underCrowd(ctx context.Context, to *running) (most float64, times []float64, err error) {
	crowd, disperse := context.WithCancel(ctx)
	defer disperse()
	var background errgroup.Group
	large := request(strings.Replace(eventText, `"object": "event"`, `"object": "event", "pad": "`+strings.Repeat("x", largeBody-len(eventText))+`"`, 1))
	for range largeSenders {
		background.Go(func() error { return again(crowd, to.address, func(l *line) { l.sendOn(large) }) })
	}
	for i := range slowSenders {
		background.Go(func() error { return again(crowd, to.address, func(l *line) { l.dawdle(crowd, large, i%2*slowPiece) }) })
	}
	background.Go(func() error {
		for crowd.Err() == nil {
			now, err := resident(to.pid)
			if err != nil {
				return err
			}
			most = max(most, now)
			wait(crowd, 10*time.Millisecond)
		}
		return nil
	})
	times, err = ordinaryDeliveries(ctx, to.address)
	disperse()
	return most, times, errors.Join(err, background.Wait())
}

func ordinaryDeliveries(ctx context.Context, address string) ([]float64, error) {
	times := make([]float64, ordinary)
	begun := time.Now().Add(time.Second) // the crowd is there by then
	group, ctx := errgroup.WithContext(ctx)
	for i, letter := range letters("ordinary", ordinary) {
		at := begun.Add(time.Duration(i) * ordinaryEvery)
		group.Go(func() error {
			err := sendAt(ctx, address, at, letter)
			times[i] = time.Since(at).Seconds() * 1000
			if err != nil {
				return fmt.Errorf("an ordinary delivery: %w", err)
			}
			return nil
		})
	}
	return times, group.Wait()
}

// again makes a connection as often as the last one was cut.
func again(ctx context.Context, address string, use func(*line)) error {
	for ctx.Err() == nil {
		l, err := dial(ctx, address)
		if err != nil {
			return nil //nolint:nilerr // the crowd is turned away, or over
		}
		stop := context.AfterFunc(ctx, func() { l.conn.Close() })
		use(l)
		stop()
		l.conn.Close()
	}
	return nil
}

// sendOn sends the same letter until the line is cut.
func (l *line) sendOn(letter []byte) {
	for {
		if _, err := l.send(letter); err != nil {
			return
		}
	}
}

// dawdle sends the head of a letter and a first piece of its body, and then a byte
// at a time until the line is cut.
func (l *line) dawdle(ctx context.Context, letter []byte, first int) {
	head := strings.Index(string(letter[:2048]), "\r\n\r\n") + 4
	_, err := l.conn.Write(letter[:head+first])
	cut := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, l.conn)
		close(cut)
	}()
	for at := head + first; err == nil; at++ {
		select {
		case <-cut:
			return
		case <-time.After(slowEvery):
			_, err = l.conn.Write(letter[at : at+1])
		case <-ctx.Done():
			return
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
