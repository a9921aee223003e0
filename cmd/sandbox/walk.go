package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"newsroom.example/membership/cmd/sandbox/tour"
)

// walk opens a sandbox that keeps nothing, and takes the tour through it.
func walk(ctx context.Context, f flags, database string, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "membership-tour-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o := options{dir: dir, temporary: true, catalog: f.Catalog, database: database}
	if f.Verbose {
		o.log = stderr
	}
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	ctx, done := context.WithCancelCause(ctx)
	defer done(nil)
	err = s.run(ctx, func(ctx context.Context) error {
		defer done(nil)
		return tour.Run(ctx, s.places(), stdout)
	})
	return errors.Join(err, s.close())
}

// places is what the tour may know.
func (s *sandbox) places() tour.Places {
	return tour.Places{
		Members: s.doors.membersURL(), News: s.doors.newsURL(), Control: s.doors.stripeURL(),
		Transport: s.transport, Staff: s.staff,
	}
}
