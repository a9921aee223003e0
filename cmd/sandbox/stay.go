package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// stay runs the sandbox until ctx ends.
func stay(ctx context.Context, f flags, database string, stdout, stderr io.Writer) error {
	if f.Reset && database != "" {
		return &usageError{errors.New("--reset cannot empty the database of DATABASE_URL: empty it yourself and delete the data directory, or unset DATABASE_URL")}
	}
	o := options{port: f.Port, dir: f.Data, reset: f.Reset, catalog: f.Catalog, database: database}
	if f.Verbose {
		o.log = stderr
	}
	err := serveUntil(ctx, o, stdout)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C, before all was running
	}
	return err
}

func serveUntil(ctx context.Context, o options, stdout io.Writer) error {
	s, err := open(ctx, o)
	if err != nil {
		return err
	}
	err = s.run(ctx, func(ctx context.Context) error {
		s.welcome(stdout)
		<-ctx.Done()
		fmt.Fprintln(stdout, "\nStopping.")
		return nil
	})
	return errors.Join(err, s.close())
}

const welcome = `
The sandbox is running. No money moves, and it can be reached from this machine only.

  The newspaper     %s
  The same, apart   %s   on a domain that is not the service's
  The service       %s
  Control page      %s   mails, payments, webhooks, and time

What to try:
  1. Open the newspaper, read an article to the wall, and become a member.
     Card 4242 4242 4242 4242 pays; 4000 0000 0000 0002 is declined;
     4000 0000 0000 0341 pays now and is declined at the renewal.
     Any date and any CVC will do.
  2. Contribute ten euros, or a little every month.
  3. Subscribe to the newsletter: it unlocks the sources. Every mail, with its
     link and its code, is on the control page.
  4. On the control page let a month pass, decline the next renewal, refund a
     payment or have it disputed, and look at the article again.
  5. Be the newsroom's staff, in another terminal:
     bin/sandbox membership explain you@example.org
     bin/sandbox membership doctor

%sCtrl-C stops it; the next start goes on where this one ends.
`

func (s *sandbox) welcome(w io.Writer) {
	kept := fmt.Sprintf("Its data are in %s (--reset begins anew).\n", s.options.dir)
	if s.postgres != "" {
		kept += fmt.Sprintf("Those of Postgres are in %s.\n", s.postgres)
	}
	if s.options.log == nil {
		kept += fmt.Sprintf("Its log is in %s.\n", s.home.path(logFile))
	}
	fmt.Fprintf(w, welcome, s.doors.newsURL(), s.doors.otherURL(), s.doors.membersURL(), s.doors.stripeURL(), kept)
}
