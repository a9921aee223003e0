package auth

import (
	"testing"

	"pgregory.net/rapid"

	"newsroom.example/membership/models"
)

func TestEverySecretHangsOnEverything(t *testing.T) {
	t.Parallel()
	p, other := pepper(testConfig().Pepper), pepper(randomSeed())
	a := models.SignInAttempt{ID: models.NewID(), Kind: models.SignInReader, Seed: randomSeed()}
	otherID, otherKind, otherSeed := a, a, a
	otherID.ID, otherKind.Kind, otherSeed.Seed = models.NewID(), models.SignInNewsletter, randomSeed()
	s := models.Session{ID: a.ID, Seed: a.Seed}
	laterID, laterSeed := s, s
	laterID.ID, laterSeed.Seed = models.NewID(), randomSeed()

	secrets := []string{string(other.link(a)), other.code(a), string(other.refresh(s, 0))}
	for _, attempt := range []models.SignInAttempt{a, otherID, otherKind, otherSeed} {
		secrets = append(secrets, string(p.link(attempt)), p.code(attempt))
	}
	for _, session := range []models.Session{s, laterID, laterSeed} {
		secrets = append(secrets, string(p.refresh(session, 0)), string(p.refresh(session, 1)))
	}
	seen := map[string]bool{}
	for i, secret := range secrets {
		if seen[secret] {
			t.Errorf("secret %d is another one again", i)
		}
		seen[secret] = true
	}
	if again := pepper(testConfig().Pepper).code(a); again != p.code(a) || len(again) != 8 {
		t.Errorf("code %q, then %q", p.code(a), again)
	}
}

// Parts that run together must not read the same: "ab" and "c" is not "a" and "bc".
func TestPartsDoNotRunTogether(t *testing.T) {
	t.Parallel()
	p := pepper(testConfig().Pepper)
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes")
		cut := rapid.IntRange(1, len(whole)).Draw(t, "cut")
		together, apart := p.derive("x", whole), p.derive("x", whole[:cut], whole[cut:])
		if string(together) == string(apart) {
			t.Fatal("two readings of one secret")
		}
	})
}
