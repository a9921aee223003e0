package cli

import (
	"fmt"
	"io"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/cmd/service"
)

type clientsCmd struct {
	Add          clientsAddCmd    `cmd:"" help:"Make an article service on another domain known, and show its secret, once."`
	List         clientsListCmd   `cmd:"" help:"The article services that are known, and those that were."`
	RotateSecret clientsRotateCmd `cmd:"" help:"Give one another secret; the old one is good for a day."`
	Revoke       clientsRevokeCmd `cmd:"" help:"Give one no tokens any more, and send it no readers."`
}

// clients opens what these commands need.
func (s *streams) clients() (*auth.Clients, func(), error) {
	cfg, err := s.configOf("DATABASE_URL", "DATABASE_CONNS", "PUBLIC_URL", "LOG_LEVEL")
	if err != nil {
		return nil, nil, err
	}
	log, err := s.logger(cfg)
	if err != nil {
		return nil, nil, err
	}
	return service.OpenClients(s.ctx, cfg, s.clocks, log)
}

type clientsAddCmd struct {
	Name     string `arg:"" help:"What people call it."`
	Audience string `required:"" placeholder:"URL" help:"Its origin, which its tokens are for: https://www.paper.example."`
	Callback string `placeholder:"URL" help:"Where on it readers come back with a code (default: /_membership/callback on its origin)."`
	Reason   string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	JSON     bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (clientsAddCmd) Help() string {
	return `For an article service that shares no parent domain with this service, so that no cookie of ours
reaches it. Its secret is shown once and kept nowhere here: put it where the article service keeps its
secrets. One that is lost is replaced by rotate-secret.

Example: membership clients add 'The Paper' --audience https://www.paper.example --reason 'It joins us in May'`
}

// Run adds the client.
func (c clientsAddCmd) Run(s *streams) error {
	clients, done, err := s.clients()
	if err != nil {
		return err
	}
	defer done()
	added, secret, err := clients.Add(s.ctx, auth.NewClient{Name: c.Name, Audience: c.Audience, Callback: c.Callback}, auth.Why{Actor: s.actor, Reason: c.Reason})
	if err != nil {
		return err
	}
	return s.credentials(added, secret, c.JSON)
}

// credentials are shown once.
func (s *streams) credentials(client auth.ClientInfo, secret string, asJSON bool) error {
	if asJSON {
		return s.json(struct {
			auth.ClientInfo
			Secret string `json:"client_secret"`
		}{client, secret})
	}
	fmt.Fprintf(s.stdout, "%s, for %s\n\n  id        %s\n  secret    %s\n  callback  %s\n\nThe secret is shown this once. The service follows within seconds.\n",
		client.Name, client.Audience, client.ID, secret, client.Callback)
	return nil
}

type clientsListCmd struct {
	JSON bool `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (clientsListCmd) Help() string { return "Example: membership clients list" }

// Run lists the clients.
func (c clientsListCmd) Run(s *streams) error {
	clients, done, err := s.clients()
	if err != nil {
		return err
	}
	defer done()
	all, err := clients.List(s.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(s.stdout, "There are no clients: every article service shares a parent domain with this service.")
	}
	s.table(func(w io.Writer) {
		for _, client := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\tsince %s\t%s\n", client.ID, client.Name, client.Callback, shown(client.Created), clientState(client))
		}
	})
	return nil
}

func clientState(client auth.ClientInfo) string {
	switch {
	case client.Revoked != nil:
		return "revoked " + shown(*client.Revoked)
	case client.OldSecretUntil != nil:
		return "its old secret is good until " + shown(*client.OldSecretUntil)
	}
	return ""
}

type clientsRotateCmd struct {
	Client string `arg:"" help:"The client's id, from the list."`
	AtOnce bool   `help:"The old secret has leaked: it is good no longer."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	JSON   bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (clientsRotateCmd) Help() string {
	return `The new secret is shown once. The old one is good for another day, so that no reader notices, if the
article service has the new one by then. With --at-once it is good no longer: until the article service
has the new one, its readers are asked for a moment's patience whenever their token has run out.

Example: membership clients rotate-secret cli_0190… --reason 'Every year in May'`
}

// Run changes the secret.
func (c clientsRotateCmd) Run(s *streams) error {
	clients, done, err := s.clients()
	if err != nil {
		return err
	}
	defer done()
	changed, secret, err := clients.RotateSecret(s.ctx, c.Client, c.AtOnce, auth.Why{Actor: s.actor, Reason: c.Reason})
	if err != nil {
		return err
	}
	return s.credentials(changed, secret, c.JSON)
}

type clientsRevokeCmd struct {
	Client string `arg:"" help:"The client's id, from the list."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	Yes    bool   `help:"Do it. Without, it only says what it would do."`
}

// Help is kong's long help.
func (clientsRevokeCmd) Help() string {
	return `The article service gets no token any more, and no reader is sent to it; the tokens that its readers
have live out their ten minutes. Take it out of service first, or its readers meet our error page when
their token has run out. It is for good: to bring it back, add it anew.

Example: membership clients revoke cli_0190… --reason 'Its domain is sold'`
}

// Run says what it does, and does it if told to.
func (c clientsRevokeCmd) Run(s *streams) error {
	clients, done, err := s.clients()
	if err != nil {
		return err
	}
	defer done()
	client, err := clients.Find(s.ctx, c.Client)
	if err != nil {
		return err
	}
	if client.Revoked != nil {
		fmt.Fprintf(s.stdout, "Nothing to do: %s was revoked at %s.\n", client.Name, shown(*client.Revoked))
		return nil
	}
	if !c.Yes {
		fmt.Fprintf(s.stdout, "%s, for %s, gets no token any more; those of its readers live out their ten minutes.\nNothing was changed. To do it, add --yes.\n", client.Name, client.Audience)
		return nil
	}
	if client, err = clients.Revoke(s.ctx, c.Client, auth.Why{Actor: s.actor, Reason: c.Reason}); err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s, for %s, is revoked.\n", client.Name, client.Audience)
	return nil
}
