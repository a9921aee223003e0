package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

// address waits until the service says where it listens.
func (r *serving) address(t *testing.T) string {
	t.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(r.output.wait(t, `"msg":"serving"`)), &line); err != nil {
		t.Fatal(err)
	}
	return "http://" + line.Address
}

func status(t *testing.T, url string) int {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestServeAnswersUntilItIsTold(t *testing.T) {
	t.Parallel()
	n := open(t)
	service := serve(t, n.settings)
	url := service.address(t)
	for _, path := range []string{"/livez", "/readyz", "/membership", "/.well-known/jwks.json"} {
		if got := status(t, url+path); got != http.StatusOK {
			t.Errorf("%s: status %d", path, got)
		}
	}
	membership(t, n.with("LISTEN", strings.TrimPrefix(url, "http://")), "healthcheck").want(0)

	service.stop() // what SIGTERM does in main
	if code := service.exit(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, service.output)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		t.Error("it still listens")
	}
}

// What serve prints about itself holds no secret.
func TestServeKeepsSecretsToItself(t *testing.T) {
	t.Parallel()
	n := open(t)
	service := serve(t, n.with("LOG_LEVEL", "debug"))
	status(t, service.address(t)+"/membership")
	service.stop()
	service.exit(t)
	for _, secret := range []string{"hunter2", n.settings["PEPPER"], n.settings["STRIPE_SECRET_KEY"]} {
		if strings.Contains(service.output.String(), secret) {
			t.Errorf("the log says %q:\n%s", secret, service.output)
		}
	}
}

func TestTakenPortIsSaid(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	address := taken.Addr().String()
	membership(t, complete().with("LISTEN", address), "serve").want(2, address, "LISTEN", "address already in use")
}

func TestServeNeedsADatabase(t *testing.T) {
	t.Parallel()
	membership(t, complete(), "serve").want(1, "database").wantNot("hunter2")
}

func TestMigrateThenServe(t *testing.T) {
	t.Parallel()
	empty := complete().with("DATABASE_URL", pgtest.Empty(t))
	membership(t, empty, "serve").want(1, "run `membership migrate`")

	onlyDatabase := settings{"DATABASE_URL": empty["DATABASE_URL"]} // nothing else is needed to migrate
	for range 2 {
		membership(t, onlyDatabase, "migrate").want(0, "has this version's schema")
	}
	service := serve(t, empty)
	if got := status(t, service.address(t)+"/readyz"); got != http.StatusOK {
		t.Errorf("/readyz: status %d", got)
	}
}

func TestHealthcheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	listen := func(status int) settings {
		ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(ill.Close)
		return settings{"LISTEN": strings.TrimPrefix(ill.URL, "http://")}
	}
	membership(t, listen(http.StatusOK), "healthcheck").want(0)
	membership(t, listen(http.StatusServiceUnavailable), "healthcheck").want(1, "answered 503")
	membership(t, settings{"LISTEN": "8080"}, "healthcheck").want(2, "LISTEN")

	closed := httptest.NewServer(nil)
	address := strings.TrimPrefix(closed.URL, "http://")
	closed.Close()
	membership(t, settings{"LISTEN": address}, "healthcheck").want(1, "does not answer")
}
