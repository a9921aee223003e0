package handlers_test

import (
	"net/http"
	"testing"
)

func TestNothingIsKeptThatDoesNotSaySo(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, path := range []string{"/", "/v1/me", "/v1/token", "/v1/nothing", "/account", "/renew", "/livez", "/static/x/y", "/nothing", "/.well-known/nothing"} {
		wantEqual(t, path, b.get(path).Header.Get("Cache-Control"), "private, no-store")
	}
	wantEqual(t, "a refused form", b.post("/checkout").Header.Get("Cache-Control"), "private, no-store")
}

func TestStaticFilesAreKeptForEver(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	files := loads.FindAllStringSubmatch(b.get("/signin").Body, -1)
	wantEqual(t, "files", len(files), 3)
	for _, m := range files {
		r := request(http.MethodGet, m[1], "")
		r.Header.Set("Accept-Encoding", "gzip")
		file := b.do(r)
		wantEqual(t, m[1]+" status", file.Status, 200)
		wantEqual(t, m[1]+" Cache-Control", file.Header.Get("Cache-Control"), "public, max-age=31536000, immutable")
		wantEqual(t, m[1]+" Content-Encoding", file.Header.Get("Content-Encoding"), "gzip")
	}
	b.get("/static/000000000000/pico.min.css").want(404)
	b.get("/static/000000000000/..%2fserver.go").want(404)
}

func TestTheKeysMayBeKept(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for path, holds := range map[string]string{
		"/.well-known/jwks.json":                  `"alg":"ES256"`,
		"/.well-known/oauth-authorization-server": `"access_token_signing_alg_values_supported":["ES256"]`,
	} {
		doc := b.get(path).want(200, holds).wantNot(`"d":`)
		wantEqual(t, "Cache-Control", doc.Header.Get("Cache-Control"), "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400")
		wantEqual(t, "CORS", doc.Header.Get("Access-Control-Allow-Origin"), "*")
		wantEqual(t, "X-Content-Type-Options", doc.Header.Get("X-Content-Type-Options"), "nosniff")
		wantEqual(t, "cookies", len(doc.Header.Values("Set-Cookie")), 0)
		tag := doc.Header.Get("ETag")
		for sent, status := range map[string]int{
			tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, "": 200, tag[:len(tag)-1]: 200,
		} {
			r := request(http.MethodGet, path, "")
			r.Header.Set("If-None-Match", sent)
			again := b.do(r)
			wantEqual(t, "status for "+sent, again.Status, status)
			wantEqual(t, "ETag", again.Header.Get("ETag"), tag)
			wantEqual(t, "body of a 304", again.Body != "", status == 200)
		}
		head := b.do(request(http.MethodHead, path, ""))
		wantEqual(t, "HEAD", head.Status, 200)
		wantEqual(t, "HEAD's ETag", head.Header.Get("ETag"), tag)
		b.do(request(http.MethodPost, path, "")).want(405)
	}
	b.get("/.well-known/oauth-authorization-server").want(200, `"issuer":"`, `/.well-known/jwks.json"`)
}
