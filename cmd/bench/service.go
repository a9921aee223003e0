package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"newsroom.example/membership/internal/pglocal"
)

const (
	program = "bin/membership"

	starts = 7
	rest   = 3 * time.Second // for what the start left to be collected
)

// measureService runs the real program against a private Postgres: how long it takes
// from its start until /readyz says yes, and what memory it then rests on.
func measureService(ctx context.Context) (figures []figure, err error) {
	postgres, err := pglocal.Start(ctx, pglocal.Options{Durable: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	settings := environment(postgres.URL(""))
	if err := command(ctx, settings, "migrate"); err != nil {
		return nil, err
	}
	var seconds, megabytes []float64
	for range starts {
		took, memory, err := once(ctx, settings)
		if err != nil {
			return nil, err
		}
		seconds, megabytes = append(seconds, took.Seconds()), append(megabytes, memory)
	}
	return []figure{
		atMost("service: start to ready", median(seconds), 1, "s"),
		atMost("service: resident memory at rest", median(megabytes), 40, "MB"),
	}, nil
}

// command runs one of the program's other commands.
func command(ctx context.Context, settings []string, words ...string) error {
	cmd := exec.CommandContext(ctx, program, words...)
	cmd.Env = settings
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("membership %s: %w\n%s", strings.Join(words, " "), err, out)
	}
	return nil
}

func environment(databaseURL string) []string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	secret := base64.StdEncoding.EncodeToString(key)
	return []string{
		"LISTEN=127.0.0.1:0", "DATABASE_URL=" + databaseURL,
		"PUBLIC_URL=https://members.example.news", "SITE_NAME=Bench", "ARTICLE_ORIGINS=https://www.example.news", "COOKIE_DOMAIN=example.news",
		"STRIPE_SECRET_KEY=sk_test_bench", "STRIPE_WEBHOOK_SECRETS=whsec_bench", "STRIPE_API_BASE=http://127.0.0.1:1",
		"SMTP_URL=smtp+plain://127.0.0.1:1", "MAIL_FROM=desk@example.news",
		"PEPPER=" + secret, "SEALING_KEYS=" + secret,
	}
}

// once is one life of the program.
func once(ctx context.Context, settings []string) (took time.Duration, megabytes float64, err error) {
	begun := time.Now()
	serving, err := serve(ctx, settings)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, serving.stop()) }()
	took = time.Since(begun)
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	megabytes, err = resident(serving.pid)
	return took, megabytes, err
}

// serve starts the program and returns when /readyz says yes.
func serve(ctx context.Context, settings []string) (*running, error) {
	cmd := exec.CommandContext(ctx, program, "serve")
	cmd.Env = settings
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	serving := &running{pid: cmd.Process.Pid, stop: func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}}
	serving.address, err = announced(log)
	go func() { _, _ = io.Copy(io.Discard, log) }() // a full pipe would stop the program
	if err == nil {
		err = ready(ctx, serving.address)
	}
	if err != nil {
		return nil, errors.Join(err, serving.stop())
	}
	return serving, nil
}

// announced reads the log up to the line that says where the service listens.
func announced(log io.Reader) (address string, err error) {
	lines := bufio.NewScanner(log)
	var heard string
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			return line.Address, nil
		}
		heard += lines.Text() + "\n"
	}
	return "", fmt.Errorf("serve ended before it listened:\n%s", heard)
}

// ready returns when /readyz says yes.
func ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultTransport.RoundTrip(req)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("wait for /readyz: %w", err)
		}
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
}
