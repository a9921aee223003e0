package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const sessionCookie = "__Host-session"

// renewed asks /renew over a real connection and returns the refresh token to keep; ""
// where the reader was signed out.
func renewed(client *http.Client, url, refresh string) (string, error) {
	r, err := http.NewRequest(http.MethodGet, url+"/renew", nil)
	if err != nil {
		return "", err
	}
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: refresh})
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("status %d", answer.StatusCode)
	}
	for _, k := range answer.Cookies() {
		if k.Name == sessionCookie {
			return k.Value, nil
		}
	}
	return "", nil
}

// Eight tabs renew at the same moment, two hundred days in a row, over HTTP; nobody is
// signed out and all get the same token. A copy from the day before yesterday then ends
// the session, and its reader is told once.
func TestTabsOverHTTPAgreeAndAReplayedGrandparentRevokes(t *testing.T) {
	t.Parallel()
	const tabs, rounds = 8, 200
	n := open(t)
	b := n.deviceOf(firefox, "ada@example.org")
	server := httptest.NewServer(n.site)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = tabs

	chain := []string{b.cookies[sessionCookie].Value}
	for round := range rounds {
		n.advance(25 * time.Hour)
		answers := make([]string, tabs)
		var all sync.WaitGroup
		for i := range tabs {
			all.Go(func() {
				got, err := renewed(client, server.URL, chain[len(chain)-1])
				if err != nil {
					t.Error(err)
				}
				answers[i] = got
			})
		}
		all.Wait()
		for _, got := range answers {
			if got == "" || got != answers[0] {
				t.Fatalf("round %d: logged out or divergent: %q", round, answers)
			}
		}
		chain = append(chain, answers[0])
	}
	for _, old := range []string{chain[len(chain)-3], chain[len(chain)-3], chain[len(chain)-1]} {
		if got := must(renewed(client, server.URL, old))(t); got != "" {
			t.Error("renewed after a replay")
		}
	}
	mail := n.letterTo("ada@example.org")
	for _, says := range []string{"old copy of your sign-in", "Firefox on Windows", membersURL + "/account/devices"} {
		if !strings.Contains(mail.Text, says) {
			t.Errorf("the mail does not say %q:\n%s", says, mail.Text)
		}
	}
	var told []string
	n.check(n.db.Raw(`SELECT action FROM audit_log`).Scan(&told).Error)
	wantEqual(t, "the audit log", told, []string{"session.reused"})
	var jobs int
	n.check(n.db.Raw(`SELECT count(*) FROM river_job WHERE kind = 'session_reuse_mail'`).Scan(&jobs).Error)
	wantEqual(t, "mails about it", jobs, 1)
}
