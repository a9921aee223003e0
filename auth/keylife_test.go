package auth

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"newsroom.example/membership/models"
)

// life is a shelf that goes through time, with the tokens of replicas that hear of it
// late.
type life struct {
	now   time.Time
	alg   string
	rows  []models.SigningKey
	made  int
	rings []lifeRing  // what each replica last read
	token []lifeToken // that were signed
	lost  map[string]bool
}

type lifeRing struct {
	readAt time.Time
	active string
	kids   []string
}

type lifeToken struct {
	kid     string
	expires time.Time
}

// do lets decide work on the published rows, and checks that each step may be written.
func (l *life) do(t *rapid.T, decide func(*shelf)) {
	s := &shelf{now: l.now, algorithm: l.alg}
	for _, row := range l.rows {
		if row.State.Published() {
			s.keys = append(s.keys, row)
		}
	}
	decide(s)
	for _, step := range s.steps {
		key := step.key
		if step.from == "" {
			l.made++
			key.Kid = strconv.Itoa(l.made)
			l.rows = append(l.rows, key)
		} else {
			i := slices.IndexFunc(l.rows, func(k models.SigningKey) bool { return k.Kid == key.Kid })
			if l.rows[i].State != step.from {
				t.Fatalf("step from %s, the key is %s", step.from, l.rows[i].State)
			}
			l.rows[i] = key
		}
		for _, one := range []models.KeyState{models.KeyActive, models.KeyPending} {
			if len(l.in(one)) > 1 {
				t.Fatalf("two %s keys in the middle of %+v", one, s.told())
			}
		}
		if over := key.State == models.KeyRetired || key.State == models.KeyRevoked; over && len(key.SealedPrivate) > 0 {
			t.Fatalf("the private half of a %s key is kept", key.State)
		}
	}
	if len(l.in(models.KeyActive)) != 1 || len(l.in(models.KeyPending)) != 1 {
		t.Fatalf("%v active, %v pending", l.in(models.KeyActive), l.in(models.KeyPending))
	}
}

func (l *life) in(states ...models.KeyState) (kids []string) {
	for _, row := range l.rows {
		if slices.Contains(states, row.State) {
			kids = append(kids, row.Kid)
		}
	}
	return kids
}

func (l *life) read(replica int) {
	l.rings[replica] = lifeRing{l.now, l.in(models.KeyActive)[0], l.in(publishedStates...)}
}

// sign is what Keyring.signer does: who has not read for an hour reads first.
func (l *life) sign(replica int) {
	if l.now.Sub(l.rings[replica].readAt) > ringLife {
		l.read(replica)
	}
	l.token = append(l.token, lifeToken{l.rings[replica].active, l.now.Add(models.TokenLife)})
}

// check shows every live token to every replica that has read within the day.
func (l *life) check(t *rapid.T) {
	l.token = slices.DeleteFunc(l.token, func(k lifeToken) bool { return l.now.After(k.expires) })
	for _, token := range l.token {
		for i, ring := range l.rings {
			if l.now.Sub(ring.readAt) < publishedFirst && !slices.Contains(ring.kids, token.kid) && !l.lost[token.kid] {
				t.Fatalf("replica %d does not know key %s of a live token: %v, read %s ago", i, token.kid, ring.kids, l.now.Sub(ring.readAt))
			}
		}
	}
}

func TestTokensVerifyEverywhereWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &life{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), alg: algES256, rings: make([]lifeRing, 3), lost: map[string]bool{}}
		l.do(t, (*shelf).upkeep)
		for i := range l.rings {
			l.read(i)
		}
		t.Repeat(map[string]func(*rapid.T){
			"": l.check,
			"minutes": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
			},
			"days": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "days")) * 24 * time.Hour)
			},
			"upkeep": func(t *rapid.T) { l.do(t, (*shelf).upkeep) },
			"read":   func(t *rapid.T) { l.read(rapid.IntRange(0, 2).Draw(t, "replica")) },
			"sign":   func(t *rapid.T) { l.sign(rapid.IntRange(0, 2).Draw(t, "replica")) },
			"rotate": func(t *rapid.T) { l.do(t, func(s *shelf) { _ = s.rotate() }) },
			"switch": func(t *rapid.T) { l.alg = rapid.SampledFrom([]string{algES256, algEdDSA}).Draw(t, "alg") },
			"revoke": l.revoke,
		})
	})
}

// revoke is the one thing that ends tokens: of the key, and, until the others have
// read, of the next one.
func (l *life) revoke(t *rapid.T) {
	kid := rapid.SampledFrom(l.in(publishedStates...)).Draw(t, "kid")
	l.do(t, func(s *shelf) { s.revoke(kid) })
	l.lost[kid] = true
	for i := range l.rings {
		l.read(i)
	}
}

func TestRotationFollowsTheCalendar(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key := func(kid, alg string, state models.KeyState, since time.Duration) models.SigningKey {
		at := begin.Add(since)
		return models.SigningKey{Kid: kid, Alg: alg, State: state, CreatedAt: at, ActivatedAt: &at, RetiringAt: &at}
	}
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		now  time.Duration
		keys []models.SigningKey
		want string
	}{
		"not due":           {90*day - 1, []models.SigningKey{key("a", "ES256", models.KeyActive, 0), key("b", "ES256", models.KeyPending, 0)}, ""},
		"due":               {90 * day, []models.SigningKey{key("a", "ES256", models.KeyActive, 0), key("b", "ES256", models.KeyPending, 0)}, "a active retiring, b pending active, + pending ES256"},
		"next is too young": {90 * day, []models.SigningKey{key("a", "ES256", models.KeyActive, 0), key("b", "ES256", models.KeyPending, 89*day+1)}, ""},
		"nothing waits":     {day, []models.SigningKey{key("a", "ES256", models.KeyActive, 0)}, "+ pending ES256"},
		"nothing signs":     {day, []models.SigningKey{key("b", "ES256", models.KeyPending, 0)}, "b pending active, + pending ES256"},
		"retiring, last":    {2*time.Hour - 1, []models.SigningKey{key("a", "ES256", models.KeyActive, 0), key("b", "ES256", models.KeyPending, 0), key("o", "ES256", models.KeyRetiring, 0)}, ""},
		"retired":           {2 * time.Hour, []models.SigningKey{key("a", "ES256", models.KeyActive, 0), key("b", "ES256", models.KeyPending, 0), key("o", "ES256", models.KeyRetiring, 0)}, "o retiring retired"},
		"setting, too soon": {day - 1, []models.SigningKey{key("a", "EdDSA", models.KeyActive, 0), key("b", "EdDSA", models.KeyPending, 0)}, ""},
		"setting, next":     {day, []models.SigningKey{key("a", "EdDSA", models.KeyActive, 0), key("b", "EdDSA", models.KeyPending, 0)}, "b pending retired, + pending ES256"},
		"setting, turn":     {2 * day, []models.SigningKey{key("a", "EdDSA", models.KeyActive, 0), key("b", "ES256", models.KeyPending, day)}, "a active retiring, b pending active, + pending ES256"},
	} {
		s := &shelf{now: begin.Add(c.now), algorithm: algES256, keys: c.keys}
		s.upkeep()
		if got := stepsInWords(s); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func stepsInWords(s *shelf) (text string) {
	for i, step := range s.told() {
		if i > 0 {
			text += ", "
		}
		if step.From == "" {
			text += "+ " + string(step.To) + " " + step.Algorithm
			continue
		}
		text += step.Kid + " " + string(step.From) + " " + string(step.To)
	}
	return text
}
