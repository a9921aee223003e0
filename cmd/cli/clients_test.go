package cli

import (
	"encoding/json"
	"regexp"
	"testing"
)

// onlyClients are the few settings that the clients commands need.
func onlyClients(t *testing.T) newsroom {
	t.Helper()
	n := open(t)
	n.settings = settings{"DATABASE_URL": n.settings["DATABASE_URL"], "PUBLIC_URL": "https://members.example.news"}
	return n
}

func (n newsroom) clients(t *testing.T, args ...string) outcome {
	t.Helper()
	return membership(t, n.settings, append([]string{"clients"}, args...)...)
}

var clientID = regexp.MustCompile(`cli_[0-9a-f-]{36}`)

func TestAClientComesAndGoes(t *testing.T) {
	t.Parallel()
	n := onlyClients(t)
	n.clients(t, "list").want(0, "There are no clients")
	added := n.clients(t, "add", "The Paper", "--audience", "https://www.paper.example", "--reason", "It joins us").want(0,
		"The Paper, for https://www.paper.example", "callback  https://www.paper.example/_membership/callback", "shown this once")
	id := clientID.FindString(added.stdout)
	secret := regexp.MustCompile(`secret +([\w-]{43})\n`).FindStringSubmatch(added.stdout)[1]
	n.audited(t, "client.added", id, "It joins us", "https://www.paper.example")
	n.clients(t, "list").want(0, id, "The Paper", "since ").wantNot(secret)

	n.clients(t, "rotate-secret", id, "--reason", "In May").want(0, id, "secret").wantNot(secret)
	n.audited(t, "client.secret_rotated", id, "In May")
	n.clients(t, "list").want(0, "its old secret is good until ")
	var told struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	rotated := n.clients(t, "rotate-secret", id, "--at-once", "--json", "--reason", "It leaked").want(0)
	if err := json.Unmarshal([]byte(rotated.stdout), &told); err != nil || told.ID != id || len(told.Secret) != 43 {
		t.Errorf("%v: %s", err, rotated.stdout)
	}
	n.clients(t, "list").want(0, id).wantNot("old secret")

	n.clients(t, "revoke", id, "--reason", "Its domain is sold").want(0, "gets no token any more", "add --yes")
	n.clients(t, "list").want(0).wantNot("revoked")
	n.clients(t, "revoke", id, "--reason", "Its domain is sold", "--yes").want(0, "is revoked")
	n.audited(t, "client.revoked", id, "Its domain is sold")
	n.clients(t, "list", "--json").want(0, `"revoked"`)
	n.clients(t, "list").want(0, "revoked ")
	n.clients(t, "revoke", id, "--reason", "Again", "--yes").want(0, "Nothing to do")
	n.clients(t, "rotate-secret", id, "--reason", "Again").want(1, "was revoked: add a new one")
	n.audited(t, "client.revoked", "Its domain is sold")
}

func TestClientsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	n := onlyClients(t)
	add := func(args ...string) outcome { return n.clients(t, append([]string{"add"}, args...)...) }
	add("The Paper").want(2, "--audience", "--reason")
	add("The Paper", "--audience", "www.paper.example", "--reason", "x").want(1, "no origin as browsers write it", "https://www.paper.example")
	add("The Paper", "--audience", "https://members.example.news", "--reason", "x").want(1, "this service itself")
	add("The Paper", "--audience", "https://www.paper.example", "--callback", "https://evil.example/x", "--reason", "x").want(1, "no page of the audience")
	add("The Paper", "--audience", "https://www.paper.example", "--reason", "ask ada@example.org").want(1, "without an e-mail address")
	add("The Paper", "--audience", "https://www.paper.example", "--callback", "https://www.paper.example/back", "--reason", "x").want(0, "https://www.paper.example/back")
	add("The Paper", "--audience", "https://www.paper.example", "--reason", "x").want(1, "already", "clients list")
	n.clients(t, "revoke", "nonsense", "--reason", "x").want(1, `no client "nonsense"`, "clients list")
}
