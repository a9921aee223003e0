package service

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A server that stops in order does not wait for who said nothing, and answers who
// did.
func TestSilentConnectionsAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	var silent strangers
	asked, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusTeapot)
	}))
	server.Config.ConnState = silent.note
	listener := server.Listener
	go func() { _ = server.Config.Serve(listener) }()
	quiet, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	status := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			status <- 0
			return
		}
		defer res.Body.Close()
		status <- res.StatusCode
	}()
	<-asked // and so the silent one, which came before, is in

	silent.turnOut()
	close(answer)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("the server waited for the silent one: %v", err)
	}
	if got := <-status; got != http.StatusTeapot {
		t.Errorf("who had spoken got %d", got)
	}
}
