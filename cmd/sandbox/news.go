package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/newsstand"
	"newsroom.example/membership/paywall"
)

// openNews opens the newspaper twice, behind one door: under the domain that it shares
// with the service, and on a domain of its own.
func (s *sandbox) openNews() error {
	near, err := s.paper(s.doors.newsURL(), paywall.Client{})
	if err != nil {
		return err
	}
	far, err := s.paper(s.doors.otherURL(), s.other)
	if err != nil {
		return err
	}
	s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, otherHost) {
			far.ServeHTTP(w, r)
			return
		}
		near.ServeHTTP(w, r)
	}), s.doors.news)
	return nil
}

func (s *sandbox) paper(url string, client paywall.Client) (http.Handler, error) {
	v, err := paywall.New(paywall.Config{
		Issuer: s.doors.membersURL(), Audience: url, Client: client,
		HTTPClient: &http.Client{Transport: s.transport, Timeout: 5 * time.Second},
		Clock:      s.clock.now, Logger: s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("start the paywall: %w", err)
	}
	s.papers = append(s.papers, v)
	s.atEnd(func() error { v.Close(); return nil })
	paper, err := newsstand.New(newsstand.Config{
		MembersURL: s.doors.membersURL(), PublicURL: url, Paywall: v, Clock: s.clock.now,
	})
	if err != nil {
		return nil, fmt.Errorf("open the newspaper: %w", err)
	}
	return paper, nil
}

// client are the other newspaper's credentials. An earlier run's secret is not kept
// anywhere: it is exchanged for another.
func (s *sandbox) client(ctx context.Context) (paywall.Client, error) {
	clients, done, err := service.OpenClients(ctx, s.settings, service.Clocks{Newsroom: s.clock.now, Real: time.Now}, s.log)
	if err != nil {
		return paywall.Client{}, err
	}
	defer done()
	all, err := clients.List(ctx)
	if err != nil {
		return paywall.Client{}, err
	}
	why := auth.Why{Actor: "sandbox", Reason: "The sandbox has started"}
	before := slices.IndexFunc(all, func(c auth.ClientInfo) bool { return c.Audience == s.doors.otherURL() && c.Revoked == nil })
	var client auth.ClientInfo
	var secret string
	if before >= 0 {
		client, secret, err = clients.RotateSecret(ctx, all[before].ID, true, why)
	} else {
		client, secret, err = clients.Add(ctx, auth.NewClient{Name: siteName + " elsewhere", Audience: s.doors.otherURL()}, why)
	}
	return paywall.Client{ID: client.ID, Secret: secret}, err
}
