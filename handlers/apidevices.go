package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"newsroom.example/membership/auth"
)

// mountDevices adds where a reader is signed in to the API.
func (s *server) mountDevices(api huma.API) {
	huma.Register(api, forReaders(operation("sessions", "/v1/sessions", "Where the reader is signed in", exampleDevices())), s.v1Devices)
	huma.Register(api, changing("end-session", "/v1/sessions/{id}", "Sign out one browser"), s.v1EndDevice)
	huma.Register(api, changing("end-sessions", "/v1/sessions", "Sign out everywhere"), s.v1SignOutEverywhere)
}

// changing is an operation that deletes for the reader. Programs that send no
// Sec-Fetch-Site header, as browsers do, repeat the value of a cookie in another.
func changing(id, path, summary string) huma.Operation {
	op := forReaders(huma.Operation{OperationID: id, Method: http.MethodDelete, Path: path, Summary: summary, DefaultStatus: http.StatusNoContent})
	op.Description = "Ends what there is; nothing to end is no error. A client that is no browser sends the same value as cookie " + csrfCookie + " and as header " + csrfHeader + "."
	op.Errors = append(op.Errors, http.StatusForbidden)
	return op
}

type devicesAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         devicesBody
}

type devicesBody struct {
	Sessions []deviceBody `json:"sessions" nullable:"false" doc:"The one used last first, at most a hundred."`
}

type deviceBody struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	Device     string    `json:"device" doc:"In the language asked for."`
	SignedInAt time.Time `json:"signed_in_at"`
	LastSeenAt time.Time `json:"last_seen_at" doc:"To the hour."`
	Current    bool      `json:"current" doc:"Whether it is the one that asks."`
	Proven     bool      `json:"proven" doc:"Whether it began by a mailed link or code."`
}

func (s *server) v1Devices(ctx context.Context, in *meQuery) (*devicesAnswer, error) {
	v, err := s.Auth.Session(ctx, in.Session)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	all, err := s.Auth.Devices(ctx, v)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	words, body := s.Words.For(in.Language), devicesBody{Sessions: []deviceBody{}}
	for _, d := range all {
		body.Sessions = append(body.Sessions, deviceBody{d.Session, d.Name(words), d.SignedInAt.UTC(), d.LastSeenAt.UTC(), d.This, !d.Limited})
	}
	return &devicesAnswer{CacheControl: "private, no-store", Body: body}, nil
}

type endQuery struct {
	Session  string    `cookie:"__Host-session" doc:"The session, from signing in."`
	Language string    `header:"Accept-Language" doc:"The language of error texts."`
	ID       uuid.UUID `path:"id" format:"uuid"`
}

// signedOutAnswer takes the cookies of a browser that has signed itself out.
type signedOutAnswer struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (s *server) v1EndDevice(ctx context.Context, in *endQuery) (*signedOutAnswer, error) {
	return s.v1End(ctx, meQuery{in.Session, in.Language}, func(v auth.Visitor) (self bool, err error) {
		return in.ID == v.Session.ID, s.Auth.EndDevice(ctx, v, in.ID)
	})
}

func (s *server) v1SignOutEverywhere(ctx context.Context, in *meQuery) (*signedOutAnswer, error) {
	return s.v1End(ctx, *in, func(v auth.Visitor) (self bool, err error) {
		return true, s.Auth.SignOutEverywhere(ctx, v)
	})
}

func (s *server) v1End(ctx context.Context, in meQuery, end func(auth.Visitor) (self bool, err error)) (*signedOutAnswer, error) {
	v, err := s.Auth.Session(ctx, in.Session)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	self, err := end(v)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	answer := &signedOutAnswer{}
	if self {
		answer.SetCookie = []http.Cookie{*ended(sessionCookie), *s.accessCookie("", -1)}
	}
	return answer, nil
}
