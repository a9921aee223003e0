package webhooks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// maxBody is several times the largest event seen.
	maxBody = 512 << 10
	// smallBody holds nearly every event: most have 2 to 10 KB.
	smallBody = 16 << 10
	// maxReading bounds who may be sending at once, slow ones included: with
	// smallBody, 8 MiB.
	maxReading = 512
	// maxLarge bounds the bodies above smallBody that are held at once: 8 MiB.
	maxLarge = 16
	// readFor is how long a sender may take over its body.
	readFor = 10 * time.Second
)

var (
	errTooLarge = errors.New("the body is larger than 512 KiB")
	errCutShort = errors.New("the body did not arrive in time, or not whole")
)

// reader bounds what bodies cost: how many arrive at once, and the memory of the
// large ones. A sender gets room for a large body only once a small one's worth has
// arrived, so that one who stays silent takes nothing from the others.
type reader struct {
	places  chan struct{}
	large   chan []byte // buffers of maxBody+1; nil: not made yet
	readFor time.Duration
}

func newReader() *reader {
	r := &reader{places: make(chan struct{}, maxReading), large: make(chan []byte, maxLarge), readFor: readFor}
	for range maxLarge {
		r.large <- nil
	}
	return r
}

// read hands the whole body to use, which must keep nothing of it. The time is a
// timer and not an instant by one of our clocks, which may not be the one that
// connections live by.
func (r *reader) read(w http.ResponseWriter, request *http.Request, use func(body []byte) error) error {
	if request.ContentLength > maxBody {
		return errTooLarge
	}
	late, cancel := context.WithTimeout(context.Background(), r.readFor)
	defer cancel()
	defer context.AfterFunc(late, func() {
		// Not every ResponseWriter has deadlines; the server's own bound holds then.
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	})()
	body := make([]byte, small(request.ContentLength))
	n, err := fill(body, request.Body)
	switch {
	case errors.Is(err, io.EOF):
		return use(body[:n])
	case err != nil:
		return errCutShort
	}
	return r.readLarge(late, io.MultiReader(bytes.NewReader(body), request.Body), use)
}

// readLarge waits for one of the large buffers, while the sender's line holds the
// rest back.
func (r *reader) readLarge(ctx context.Context, from io.Reader, use func(body []byte) error) error {
	select {
	case buffer := <-r.large:
		if buffer == nil {
			buffer = make([]byte, maxBody+1)
		}
		defer func() { r.large <- buffer }()
		n, err := fill(buffer, from)
		switch {
		case errors.Is(err, io.EOF):
			return use(buffer[:n])
		case err != nil:
			return errCutShort
		}
		return errTooLarge
	case <-ctx.Done():
		return errCutShort
	}
}

// small is the first room that a body gets: one byte more than it says, to see its
// end in the same read.
func small(promised int64) int64 {
	if promised < 0 || promised >= smallBody {
		return smallBody
	}
	return promised + 1
}

// fill reads until the buffer is full, which is no error, or the body ends, which
// is io.EOF. Not io.ReadFull: that calls a body that was cut the same as a whole one.
func fill(buffer []byte, body io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = body.Read(buffer[n:])
		n += more
	}
	return n, err
}
