package main

import (
	"context"
	"errors"
	"fmt"
)

const (
	// sessions are those of as many readers who ask for tokens, each with a
	// membership.
	sessions = 200

	tokenConns = 32
	tokenShots = 1500
	helloShots = 6000 // a fraction of a second's worth
)

// measureTokens is how many tokens a second the service hands out, and how often it
// says what its keys are, beside the least that Echo can say.
func measureTokens(ctx context.Context) (figures []figure, err error) {
	postgres, end, err := careful(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	url, err := database(ctx, postgres, "tokens")
	if err != nil {
		return nil, err
	}
	ours, err := startStand(ctx, "ours", url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ours.stop()) }()
	hello, err := startStand(ctx, "hello", url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hello.stop()) }()
	asking, err := readersAsk(ctx, ours.settings, sessions)
	if err != nil {
		return nil, fmt.Errorf("sign readers in: %w", err)
	}
	volleys := []shot{
		{"token", ours.address, repeated(asking, tokenShots)},
		{"keys", ours.address, repeated([][]byte{get("/.well-known/jwks.json", "")}, helloShots)},
		{"hello", hello.address, repeated([][]byte{get("/", "")}, helloShots)},
	}
	seen := results{}
	for range salvoes {
		for _, s := range volleys {
			v, err := fire(ctx, s.address, tokenConns, s.letters)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			seen.add(s.name, tokenConns, v)
		}
	}
	return tokenFigures(seen), nil
}

// shot is what is fired at whom.
type shot struct {
	name, address string
	letters       [][]byte
}

func tokenFigures(seen results) []figure {
	return []figure{
		told("/v1/token, 32 connections", seen.of("token", tokenConns, rate), "/s"),
		told("/v1/token, 32 connections: p99", seen.of("token", tokenConns, tail), "ms"),
		told("keys (JWKS), 32 connections", seen.of("keys", tokenConns, rate), "/s"),
		atLeast("keys (JWKS) ÷ Echo's hello world, 32 connections", seen.over("keys", "hello", tokenConns), 0.8),
	}
}
