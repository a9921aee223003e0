package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

func prepare(t *testing.T, s *Service) {
	t.Helper()
	if err := s.Keys.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func published(t *testing.T, s *Service) []paywall.JWK {
	t.Helper()
	var doc paywall.JWKS
	if err := json.Unmarshal(s.Keys.JWKS().Body, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Keys
}

func TestFirstStartMakesOneActiveAndOnePendingKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	services := make([]*Service, 6)
	for i := range services {
		services[i] = replica(t, b.db, testConfig(), b.clock)
	}
	for _, err := range atOnce(len(services), func(i int) error { return services[i].Keys.Prepare(t.Context()) }) {
		if err != nil {
			t.Error(err)
		}
	}
	var states []string
	if err := b.db.Raw(`SELECT state FROM signing_keys ORDER BY state`).Scan(&states).Error; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"active", "pending"}, states); diff != "" {
		t.Error(diff)
	}
	// Who read between the two inserts of another sees the pending key a minute later.
	for _, s := range services {
		if err := s.Keys.reload(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(published(t, services[0]), published(t, s)); diff != "" || len(published(t, s)) != 2 {
			t.Errorf("replicas differ: %s", diff)
		}
	}
}

func TestKeysSurviveARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if body := b.Keys.JWKS().Body; string(body) != `{"keys":[]}` {
		t.Errorf("before Prepare: %s", body)
	}
	prepare(t, b.Service)
	before := b.Keys.JWKS()
	again := replica(t, b.db, testConfig(), b.clock)
	prepare(t, again)
	if diff := cmp.Diff(before, again.Keys.JWKS()); diff != "" {
		t.Error(diff)
	}
	if etag := before.ETag; !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `"`) || len(etag) < 10 {
		t.Errorf("etag %s", etag)
	}
	for _, k := range published(t, b.Service) {
		if k.Algorithm != "ES256" || k.Use != "sig" || k.Curve != "P-256" {
			t.Errorf("published %+v", k)
		}
	}
}

func TestEdDSABySetting(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Algorithm = "EdDSA"
	b := setupWith(t, cfg)
	prepare(t, b.Service)
	for _, k := range published(t, b.Service) {
		if k.Algorithm != "EdDSA" || k.Curve != "Ed25519" {
			t.Errorf("published %+v", k)
		}
	}
	// The setting is about new keys: with the other one, these go on.
	es := replica(t, b.db, testConfig(), b.clock)
	prepare(t, es)
	if diff := cmp.Diff(published(t, b.Service), published(t, es)); diff != "" {
		t.Error(diff)
	}
}

func TestSealingKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	next := testConfig()
	next.SealingKeys = [][]byte{bytes.Repeat([]byte("n"), 32), next.SealingKeys[0]}
	prepare(t, replica(t, b.db, next, b.clock))

	wrong := testConfig()
	wrong.SealingKeys = next.SealingKeys[:1]
	s := replica(t, b.db, wrong, b.clock)
	if err := s.Keys.Prepare(t.Context()); !errors.Is(err, errSealed) {
		t.Errorf("with the wrong sealing key: %v", err)
	}
	if got := published(t, s); len(got) != 0 {
		t.Errorf("published %v all the same", got)
	}
}

// Who can write to the database but has no sealing key gets no key published.
func TestMeddledKeysAreRefused(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"another row's private key": `UPDATE signing_keys SET sealed_private = (SELECT sealed_private FROM signing_keys WHERE state = 'pending') WHERE state = 'active'`,
		"another public key":        `UPDATE signing_keys SET public_jwk = (SELECT public_jwk FROM signing_keys WHERE state = 'pending') WHERE state = 'active'`,
		"another algorithm":         `UPDATE signing_keys SET alg = 'EdDSA' WHERE state = 'active'`,
		"another kid":               `UPDATE signing_keys SET kid = 'mine' WHERE state = 'active'`,
		"one byte":                  `UPDATE signing_keys SET sealed_private = set_byte(sealed_private, 40, get_byte(sealed_private, 40) # 1) WHERE state = 'active'`,
		"nothing sealed":            `UPDATE signing_keys SET sealed_private = '' WHERE state = 'active'`,
		"a key of their own": `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private, state, created_at)
			SELECT 'theirs', 'ES256', '{"kty":"EC","crv":"P-256","kid":"theirs","x":"","y":""}', sealed_private, 'retiring', created_at FROM signing_keys WHERE state = 'active'`,
		"none active": `UPDATE signing_keys SET state = 'retired' WHERE state = 'active'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			prepare(t, b.Service)
			before := b.Keys.JWKS().Body
			if err := b.db.Exec(sql).Error; err != nil {
				t.Fatal(err)
			}
			if err := b.Keys.reload(t.Context()); err == nil {
				t.Error("loaded")
			}
			if after := b.Keys.JWKS().Body; !bytes.Equal(before, after) {
				t.Errorf("now publishes %s", after)
			}
		})
	}
}

func TestRetiredAndRevokedKeysAreNotPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	for _, state := range []models.KeyState{models.KeyRetiring, models.KeyRetired, models.KeyRevoked} {
		key := b.addKey(t, state)
		prepare(t, b.Service)
		if found := publishes(t, b.Service, key.Kid); found != (state == models.KeyRetiring) {
			t.Errorf("%s key published: %v", state, found)
		}
	}
}

// addKey stores a key as another process would.
func (b bench) addKey(t *testing.T, state models.KeyState) models.SigningKey {
	t.Helper()
	key, err := newSigner(algES256)
	if err != nil {
		t.Fatal(err)
	}
	row, err := key.row(b.Keys.sealer, state, b.now())
	if err != nil {
		t.Fatal(err)
	}
	if err := gorm.G[models.SigningKey](b.db.DB).Create(t.Context(), &row); err != nil {
		t.Fatal(err)
	}
	return row
}

func publishes(t *testing.T, s *Service, kid string) bool {
	t.Helper()
	return slices.ContainsFunc(published(t, s), func(k paywall.JWK) bool { return k.ID == kid })
}

// run runs the service with a reload every millisecond, and its log.
func run(t *testing.T, s *Service) (log <-chan string) {
	t.Helper()
	lines := make(lineWriter, 1)
	s.Keys.reloadEvery, s.Keys.log = time.Millisecond, slog.New(slog.NewTextHandler(lines, nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Keys.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return lines
}

// lineWriter passes on a line if the last one has been read.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	select {
	case w <- string(p):
	default:
	}
	return len(p), nil
}

func TestRunLearnsOfNewKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	run(t, b.Service)
	key := b.addKey(t, models.KeyRetiring)
	deadline := time.After(patience)
	for tick := time.Tick(time.Millisecond); !publishes(t, b.Service, key.Kid); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("the new key was never published")
		}
	}
}

func TestRunKeepsTheKeysItHasWhenItFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	before := b.Keys.JWKS().Body
	if err := b.db.Exec(`UPDATE signing_keys SET sealed_private = ''`).Error; err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-run(t, b.Service):
		if !strings.Contains(line, "signing keys not reloaded") {
			t.Errorf("logged %s", line)
		}
	case <-time.After(patience):
		t.Error("nothing was logged")
	}
	if after := b.Keys.JWKS().Body; !bytes.Equal(before, after) {
		t.Errorf("now publishes %s", after)
	}
}
