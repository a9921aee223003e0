package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// volley is what came of sending letters over some connections at once.
type volley struct {
	perSecond, p99 float64 // p99 in milliseconds
}

// fire sends all letters over conns connections, each answer before the next
// letter. Anything but 200 is a fault: a refusal must not count as fast.
func fire(ctx context.Context, address string, conns int, letters [][]byte) (volley, error) {
	var next atomic.Int64
	times := make([]float64, len(letters))
	group, ctx := errgroup.WithContext(ctx)
	begun := time.Now()
	for range conns {
		group.Go(func() error {
			line, err := dial(ctx, address)
			if err != nil {
				return err
			}
			defer line.conn.Close()
			for i := next.Add(1) - 1; i < int64(len(letters)); i = next.Add(1) - 1 {
				sent := time.Now()
				status, err := line.send(letters[i])
				if err != nil || status != http.StatusOK {
					return fmt.Errorf("delivery %d at %d connections: status %d, %w", i, conns, status, err)
				}
				times[i] = time.Since(sent).Seconds() * 1000
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return volley{}, err
	}
	return volley{float64(len(letters)) / time.Since(begun).Seconds(), percentile(times, 0.99)}, nil
}

// line is a connection that stays open. It costs the machine far less than
// http.Client does, which would be the half of what is measured.
type line struct {
	conn    net.Conn
	answers *bufio.Reader
}

func dial(ctx context.Context, address string) (*line, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &line{conn, bufio.NewReader(conn)}, nil
}

func (l *line) send(letter []byte) (status int, err error) {
	if err := l.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write(letter); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(l.answers, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// percentile is the value that a share of the others does not exceed.
func percentile(values []float64, share float64) float64 {
	values = slices.Sorted(slices.Values(values))
	if len(values) == 0 {
		return 0
	}
	return values[min(int(share*float64(len(values))), len(values)-1)]
}
