package pglocal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrInUse says that another process runs a server on the same data.
var ErrInUse = errors.New("another process uses these data: stop it, or name another directory")

// lockPatience outlasts the clean stop of a server whose owner was killed.
const lockPatience = patience + time.Second

// lockDir holds the directory until the file is closed here and in the watcher,
// which inherits it. It waits for a server that is just ending.
func lockDir(ctx context.Context, dir string, patience time.Duration) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrInUse)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, context.Cause(ctx)), f.Close())
		case <-tick.C:
		}
	}
}
