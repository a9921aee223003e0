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
	keys := b.get("/.well-known/jwks.json").want(200, `"keys"`).wantNot(`"d":`)
	wantEqual(t, "Cache-Control", keys.Header.Get("Cache-Control"), "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400")
	wantEqual(t, "CORS", keys.Header.Get("Access-Control-Allow-Origin"), "*")
	r := request(http.MethodGet, "/.well-known/jwks.json", "")
	r.Header.Set("If-None-Match", keys.Header.Get("ETag"))
	wantEqual(t, "status for a known ETag", b.do(r).Status, 304)
}
