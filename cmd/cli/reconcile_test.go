package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/stripesim"
)

// readers puts paid subscriptions of ours at Stripe of which we have heard nothing,
// with a member behind each.
func (n newsroom) readers(t *testing.T, count int) {
	t.Helper()
	n.apply(t, shipped).want(0)
	prices := n.stripe.Client().Prices.List(&stripe.PriceListParams{})
	prices.Next()
	const who = "0190a000-0000-7000-8000-%012d"
	n.exec(t, `INSERT INTO members (id, email, name, locale, created_at, updated_at)
		SELECT ('0190a000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 'reader' || i || '@example.org', '', 'en', now(), now()
		FROM generate_series(0, $1) i`, count-1)
	_, err := n.stripe.Sim.Seed(stripesim.Seed{Readers: count, Price: prices.Price().ID, Reader: func(i int) stripesim.SeedReader {
		return stripesim.SeedReader{Email: "reader@example.org", Metadata: map[string]string{"member_id": fmt.Sprintf(who, i)}}
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReconcileFindsAndSyncs(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.readers(t, 3)
	membership(t, n.settings, "reconcile", "--objects").want(0, "subscriptions: looked at 3, found 3 subscriptions that our books do not have.", "reconcile --wait")
	membership(t, n.settings, "reconcile", "--objects", "--wait").want(0, "Synced 3.")
	membership(t, n.settings, "reconcile", "--objects").want(0, "nothing differs").wantNot("example.org")
}

func TestDoctorTellsAndRepairs(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.readers(t, 2)
	if _, err := n.stripe.Sim.Listen(n.settings["PUBLIC_URL"] + "/webhooks/stripe"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		membership(t, n.settings, "doctor").want(1, "Stripe says active since", "our books do not have it", "5 findings", "found 2 payments that our ledger does not have, 2 subscriptions that our books do not have, one day whose sums differ.")
	}
	membership(t, n.settings, "doctor", "--repair", "--as", "night-shift").
		want(0, "Repairing: 2", "Looking again", "Healed: 5 of 5", "are equal").wantNot("example.org")
	membership(t, n.settings, "doctor").want(0, "webhook endpoints (1), events (", "subscriptions (2), our live subscriptions (2), charges (2), refunds (0), disputes (0), our memberships (2), and nothing differs.", "Stripe and our books are equal.")
	membership(t, n.settings, "audit").want(0, "night-shift", "books.repaired")
}

func TestDoctorSpeaksJSON(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.readers(t, 1)
	out := membership(t, n.settings, "doctor", "--json").want(1)
	var kinds []string
	for line := range strings.Lines(out.stdout) {
		var d struct {
			Kind        string
			Differences map[string]int64
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if d.Kind == "" && d.Differences["subscription.missing"] != 1 {
			t.Errorf("summary: %s", line)
		}
		kinds = append(kinds, d.Kind)
	}
	if got := strings.Join(kinds, " "); got != "endpoint.missing subscription.missing payment.missing sum.differs " {
		t.Errorf("%q", got)
	}
}

// Stopped in the middle, and run again: it goes on where it stopped, and asks for no
// page twice but the one that it was stopped at.
func TestReconcileGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.readers(t, 250)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asked []string
	target, err := url.Parse(n.stripe.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = append(asked, r.URL.Query().Get("starting_after")); len(asked) == 2 {
			stop()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	s := n.with("STRIPE_API_BASE", between.URL)
	var out bytes.Buffer
	if code := Run(ctx, []string{"reconcile", "--objects"}, s.environ(), &out, &out, service.RealClocks()); code != 1 || !strings.Contains(out.String(), "run it again") {
		t.Fatalf("exit code %d: %s", code, &out)
	}
	membership(t, s, "reconcile", "--objects").want(0, "looked at 250, found 250 subscriptions that our books do not have")
	if len(asked) != 4 || asked[0] != "" || asked[1] != asked[2] || asked[3] == "" {
		t.Errorf("pages asked for: %q", asked)
	}
}

func TestReconcileRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"objects since":        {"--objects", "--since", "-3d"},
		"all since":            {"--since", "-3d"},
		"no time":              {"--money", "--since", "soon"},
		"in the future":        {"--money", "--since", "2099-01-01"},
		"no such thing":        {"--subscriptions"},
		"an argument too many": {"events"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			membership(t, complete(), append([]string{"reconcile"}, args...)...).want(2)
		})
	}
}
