package tour

import (
	"context"
	"fmt"
	"net/url"

	"newsroom.example/membership/paywall"
)

// cookies looks back at all that was sent on the way.
func (t *tour) cookies() journey {
	return journey{"What the browsers gave away", []step{{"The refresh cookie", t.atHome}}}
}

// own are the service's cookies that nobody else may see.
var own = []string{"__Host-session", "__Host-signin", "__Host-checkout", "__Host-gift", "__Host-csrf"}

func (t *tour) atHome(context.Context) (string, error) {
	members, err := url.Parse(t.Members)
	if err != nil {
		return "", err
	}
	news, err := url.Parse(t.News)
	if err != nil {
		return "", err
	}
	for _, name := range own {
		for host, times := range t.witness.times(name) {
			if host != members.Hostname() {
				return "", unlike(name+" at "+members.Hostname()+" only", fmt.Sprintf("%d times at %s", times, host))
			}
		}
	}
	sessions := t.witness.times("__Host-session")[members.Hostname()]
	tokens := t.witness.times(paywall.CookieName)[news.Hostname()]
	if sessions == 0 || tokens == 0 {
		return "", unlike("sessions and tokens on the way", fmt.Sprintf("%d and %d", sessions, tokens))
	}
	return fmt.Sprintf("went to %s %d times, and never anywhere else; the newspaper saw a token, %d times", members.Hostname(), sessions, tokens), nil
}
