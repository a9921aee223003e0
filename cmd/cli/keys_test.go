package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/models"
)

// signing is a newsroom whose service has run, as the keys commands see it: with
// their few settings and no others.
func signing(t *testing.T) newsroom {
	t.Helper()
	n := open(t)
	service := serve(t, n.settings)
	service.address(t)
	service.stop()
	service.exit(t)
	n.settings = settings{"DATABASE_URL": n.settings["DATABASE_URL"], "SEALING_KEYS": n.settings["SEALING_KEYS"]}
	return n
}

func (n newsroom) keys(t *testing.T, args ...string) outcome {
	t.Helper()
	return membership(t, n.settings, append([]string{"keys"}, args...)...)
}

// kids are the newest key in each state.
func (n newsroom) kids(t *testing.T) map[models.KeyState]string {
	t.Helper()
	var all []auth.KeyInfo
	if err := json.Unmarshal([]byte(n.keys(t, "list", "--json").want(0).stdout), &all); err != nil {
		t.Fatal(err)
	}
	kids := map[models.KeyState]string{}
	for _, key := range all {
		kids[key.State] = key.Kid
	}
	return kids
}

func TestKeysAreRotatedByHand(t *testing.T) {
	t.Parallel()
	n := signing(t)
	n.keys(t, "list").want(0, "ES256  pending  since ", "may sign from ", "ES256  active   since ", "next rotation ")
	before := n.kids(t)

	n.keys(t, "rotate", "--reason", "Practice", "--yes").want(1, "published for a day", "membership keys revoke "+before[models.KeyActive])
	n.exec(t, "UPDATE signing_keys SET created_at = created_at - interval '1 day'")
	n.keys(t, "rotate", "--reason", "Practice").want(0,
		before[models.KeyActive]+" (ES256): active → retiring", before[models.KeyPending]+" (ES256): pending → active",
		"a new key (ES256) is made: pending", "No reader notices", "Nothing was changed. To do it, add --yes.")
	if got := n.kids(t); got[models.KeyActive] != before[models.KeyActive] {
		t.Errorf("without --yes: %v", got)
	}
	n.keys(t, "rotate", "--reason", "Practice", "--yes").want(0, "pending → active").wantNot("Nothing was changed", "a new key")
	after := n.kids(t)
	if after[models.KeyActive] != before[models.KeyPending] || after[models.KeyRetiring] != before[models.KeyActive] || after[models.KeyPending] == "" {
		t.Errorf("%v became %v", before, after)
	}
	n.keys(t, "list").want(0, "published until ")
	n.audited(t, "key.rotated", "Practice", after[models.KeyActive])
	n.keys(t, "rotate", "--yes").want(2, "--reason")
	n.keys(t, "rotate", "--yes", "--reason", "ask ada@example.org").want(1, "without an e-mail address")
}

// audited checks the newest entry of the audit log.
func (n newsroom) audited(t *testing.T, action string, texts ...string) {
	t.Helper()
	all := membership(t, complete().with("DATABASE_URL", n.settings["DATABASE_URL"]), "audit", "--json").want(0).stdout
	lines := strings.Split(strings.TrimSpace(all), "\n")
	for _, text := range append(texts, action) {
		if last := lines[len(lines)-1]; !strings.Contains(last, text) {
			t.Errorf("the audit log does not say %q: %s", text, last)
		}
	}
}

func TestKeysAreRevoked(t *testing.T) {
	t.Parallel()
	n := signing(t)
	before := n.kids(t)
	leaked := before[models.KeyActive]
	n.keys(t, "revoke", "nonsense", "--reason", "Stolen", "--yes").want(1, `no signing key "nonsense"`, "membership keys list")
	n.keys(t, "revoke", leaked, "--reason", "Stolen").want(0, "active → revoked", "pending → active", "Readers with a token of this key", "add --yes")
	n.keys(t, "revoke", leaked, "--reason", "Stolen", "--yes").want(0, leaked+" (ES256): active → revoked", "is made: pending")
	after := n.kids(t)
	if after[models.KeyRevoked] != leaked || after[models.KeyActive] != before[models.KeyPending] {
		t.Errorf("%v became %v", before, after)
	}
	n.audited(t, "key.revoked", "Stolen", leaked)
	n.keys(t, "revoke", leaked, "--reason", "Again", "--yes").want(0, "Nothing to do")
	n.audited(t, "key.revoked", "Stolen")
}

func TestASealingKeyIsExchanged(t *testing.T) {
	t.Parallel()
	n := signing(t)
	old, fresh := n.settings["SEALING_KEYS"], "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
	n.settings["SEALING_KEYS"] = fresh + "," + old
	n.keys(t, "rewrap").want(0, "0 keys lie under the first sealing key, 2 lie under another", "add --yes")
	n.keys(t, "rewrap", "--yes").want(0, "0 keys lie under the first sealing key, 2 were under another and are sealed anew")
	n.audited(t, "key.rewrapped", `"others":2`)
	n.settings["SEALING_KEYS"] = fresh
	n.keys(t, "rewrap", "--yes").want(0, "2 keys lie under the first sealing key, 0 ")

	n.settings["SEALING_KEYS"] = old
	n.keys(t, "rewrap").want(1, "none of SEALING_KEYS opens", n.kids(t)[models.KeyActive])
	serving := serve(t, complete().with("DATABASE_URL", n.settings["DATABASE_URL"]))
	if code := serving.exit(t); code != 1 || !strings.Contains(serving.output.String(), "none of SEALING_KEYS opens it") {
		t.Errorf("served with the wrong sealing key: code %d\n%s", code, serving.output)
	}
}

// What docs/operations.md says to do when the sealing key is lost.
func TestALostSealingKeyIsGotOver(t *testing.T) {
	t.Parallel()
	n := signing(t)
	n.settings["SEALING_KEYS"] = "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
	lost := n.kids(t)
	n.keys(t, "revoke", lost[models.KeyActive], "--reason", "Lost", "--yes").want(1, "none of SEALING_KEYS", "membership keys revoke "+lost[models.KeyPending])
	n.keys(t, "revoke", lost[models.KeyPending], "--reason", "Lost", "--yes").want(0, "is made: pending")
	n.keys(t, "revoke", lost[models.KeyActive], "--reason", "Lost", "--yes").want(0, "pending → active")
	service := serve(t, complete().with("DATABASE_URL", n.settings["DATABASE_URL"]).with("SEALING_KEYS", n.settings["SEALING_KEYS"]))
	service.address(t)
	service.stop()
	service.exit(t)
}
