package cli

import (
	"encoding/json"
	"fmt"

	"newsroom.example/membership/billing"
)

type auditCmd struct {
	Since  string `placeholder:"TIME" help:"From when on: 2026-05-03, '2026-05-03 14:00' (UTC), RFC 3339, or so long ago: --since=-3d."`
	Member string `placeholder:"MEMBER" help:"Only what was done about this member: a whole address, or any id that leads to them."`
	JSON   bool   `name:"json" help:"For programs: one object a line."`
}

// Help is kong's long help.
func (auditCmd) Help() string {
	return `Lists what was done by hand, the oldest first: when, by whom, what, to what, and why. Entries are
never changed or removed.

Example: membership audit --since 2026-05-01 --member ada@example.org`
}

// Run lists the entries as they come.
func (c auditCmd) Run(s *streams) error {
	var filter billing.AuditFilter
	if c.Since != "" {
		var err error
		if filter.Since, err = readInstant(c.Since, s.clocks.Newsroom()); err != nil {
			return err
		}
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	if c.Member != "" {
		member, err := bill.FindMember(s.ctx, c.Member)
		if err != nil {
			return err
		}
		filter.Member = &member.ID
	}
	none := true
	err = bill.Audit(s.ctx, filter, func(entry billing.AuditLine) error {
		none = false
		if c.JSON {
			return json.NewEncoder(s.stdout).Encode(entry)
		}
		s.printAudit(entry)
		return nil
	})
	if err == nil && none && !c.JSON {
		fmt.Fprintln(s.stdout, "Nothing was done by hand.")
	}
	return err
}

func (s *streams) printAudit(e billing.AuditLine) {
	fmt.Fprintf(s.stdout, "  %s  %s  %s  %s: %s\n", shown(e.At), e.Actor, e.Action, e.Subject, e.Reason)
}
