package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

const (
	firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
	iPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
)

// deviceOf is a browser that calls itself so, signed in.
func (n *newsroom) deviceOf(agent, address string) *browser {
	n.t.Helper()
	b := n.browser()
	b.agent = agent
	b.signIn(address)
	return b
}

// listed are the API's words for where the reader is signed in.
func (b *browser) listed() (ids []string, current string, devices []string) {
	b.n.t.Helper()
	var body struct {
		Sessions []struct {
			ID, Device string
			Current    bool
		}
	}
	b.n.check(json.Unmarshal([]byte(b.get("/v1/sessions").want(200).Body), &body))
	for _, s := range body.Sessions {
		ids, devices = append(ids, s.ID), append(devices, s.Device)
		if s.Current {
			current = s.ID
		}
	}
	return ids, current, devices
}

func TestAReaderSeesAndEndsTheirDevices(t *testing.T) {
	t.Parallel()
	n := open(t)
	phone := n.deviceOf(iPhone, "ada@example.org")
	n.advance(26 * time.Hour)
	desk := n.deviceOf(firefox, "ada@example.org")
	stranger := n.deviceOf("curl/8", "eve@example.org")

	page := desk.get("/account/devices").want(200, "Firefox on Windows <small>(this browser)</small>", "Safari on iPhone",
		"Signed in on 22 November 2026, last seen on 22 November 2026.", "Signed in on 23 November 2026").wantNot("curl", "does not say")
	wantEqual(t, "sign-out buttons", strings.Count(page.Body, "/end\""), 3)
	_, mine, _ := phone.listed()
	_, theirs, unnamed := stranger.listed()
	wantEqual(t, "a browser without a name", unnamed, []string{"A browser that does not say its name"})

	stranger.post("/account/devices/" + mine + "/end").to("/account/devices")
	stranger.do(request(http.MethodDelete, "/v1/sessions/"+mine, "")).want(204)
	phone.get("/account").want(200, "ada@example.org")

	desk.submit(page, "/account/devices/"+mine+"/end").to("/account/devices")
	wantEqual(t, "the phone after it was ended", phone.get("/account").to("/"), "/signin?return_to=/account")
	desk.get("/account/devices").want(200, "Firefox on Windows").wantNot("iPhone")
	desk.post("/account/devices/x/end").want(404)
	stranger.post("/account/devices/" + theirs + "/end").to("/signed-out")
	if _, still := stranger.cookies[sessionCookie]; still {
		t.Error("the browser keeps the session that it ended")
	}
}

func TestSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	n := open(t)
	for name, everywhere := range map[string]func(b *browser){
		"the page": func(b *browser) { b.submit(b.get("/account/devices"), "/account/devices/end").to("/signed-out") },
		"the API":  func(b *browser) { b.do(request(http.MethodDelete, "/v1/sessions", "")).want(204) },
	} {
		address := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@example.org"
		here, there, other := n.deviceOf(firefox, address), n.deviceOf(iPhone, address), n.deviceOf(iPhone, "not."+address)
		everywhere(here)
		for _, gone := range []string{"__Host-session", "__Secure-access"} {
			if _, still := here.cookies[gone]; still {
				t.Errorf("%s: %s is still in the browser", name, gone)
			}
		}
		for _, b := range []*browser{here, there} {
			wantEqual(t, name, b.get("/account").to("/"), "/signin?return_to=/account")
			b.get("/v1/sessions").want(401)
		}
		other.get("/account").want(200)
	}
}

func TestTheAPIListsAndEndsSessions(t *testing.T) {
	t.Parallel()
	n := open(t)
	phone, desk := n.deviceOf(iPhone, "ada@example.org"), n.deviceOf(firefox, "ada@example.org")
	ids, current, devices := desk.listed()
	wantEqual(t, "devices", devices, []string{"Firefox on Windows", "Safari on iPhone"})
	if current != ids[0] {
		t.Errorf("%s is said to be the one that asks, of %v", current, ids)
	}
	desk.do(request(http.MethodDelete, "/v1/sessions/"+ids[1], "")).want(204)
	phone.get("/v1/me").want(401)
	desk.do(request(http.MethodDelete, "/v1/sessions/x", "")).want(422)
	desk.do(request(http.MethodDelete, "/v1/sessions/"+ids[0], "")).want(204)
	if _, still := desk.cookies["__Host-session"]; still {
		t.Error("the browser keeps the session that it ended")
	}
}

// Who came from a purchase and has proven nothing may not see, or end, what the owner
// of the address does.
func TestAnUnprovenReaderHasNoSayAboutDevices(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.get(b.pay(b.checkoutURL(""), simtest.Pays, "ada@example.org"))
	wantEqual(t, "page", b.get("/account/devices").to("/"), "/account")
	for _, path := range []string{"/account/devices/end", "/account/devices/0190a0c4-6b1e-7c3f-9a54-2f4f0a6d9e11/end"} {
		wantEqual(t, path, b.post(path).to("/"), "/account")
	}
	b.get("/v1/sessions").want(401, "session.limited")
	b.do(request(http.MethodDelete, "/v1/sessions", "")).want(401, "session.limited")
	b.do(request(http.MethodDelete, "/v1/sessions/0190a0c4-6b1e-7c3f-9a54-2f4f0a6d9e11", "")).want(401, "session.limited")
	b.get("/v1/me").want(200)
}
