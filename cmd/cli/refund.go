package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"newsroom.example/membership/billing"
)

type refundCmd struct {
	Payment    string `arg:"" help:"The payment (pi_…), or an id that leads to it alone: ch_, in_, sub_, or its gift's."`
	Amount     string `placeholder:"5.00" help:"How much, in the payment's currency. All that is left, if left out."`
	Reason     string `enum:",requested_by_customer,duplicate,fraudulent" default:"" placeholder:"REASON" help:"For Stripe: requested_by_customer, duplicate or fraudulent."`
	KeepAccess bool   `xor:"access" help:"What the refund would take away stays open, with our compliments."`
	Cancel     bool   `xor:"access" help:"End the subscription at once, too; it is charged again otherwise."`
	Note       string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log, so leave personal things out."`
	Yes        bool   `help:"Do not ask."`
}

// Help is kong's long help.
func (refundCmd) Help() string {
	return `Says what the refund does to the money, to access and to the subscription, and asks. A part
never takes access away; the whole does, unless --keep-access is given. The subscription goes on
unless --cancel is given.

Running it again after a crash never refunds twice: it goes on where it stopped, or says that it
has been done.

Example: membership refund pi_3Mx… --amount 5.00 --reason requested_by_customer --note 'Charged after moving away'`
}

// Run says what the refund does, asks, and does it.
func (c refundCmd) Run(s *streams) error {
	if err := someoneToAsk(c.Yes); err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	plan, err := bill.PlanRefund(s.ctx, billing.Refund{
		Payment: c.Payment, Amount: c.Amount, Reason: c.Reason, KeepAccess: c.KeepAccess, Cancel: c.Cancel,
		By: billing.Why{Actor: s.actor, Reason: c.Note},
	})
	if err != nil {
		return err
	}
	c.print(s, plan)
	if !c.Yes && !agreed(os.Stdin, s.stdout) {
		fmt.Fprintln(s.stdout, "Nothing was done.")
		return nil
	}
	made, err := bill.MakeRefund(s.ctx, plan)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Refund %s of %s: %s.\n", made.ID, plan.Amount, made.Status)
	if !made.Done() {
		fmt.Fprintln(s.stdout, "The bank takes its time. What a whole refund does to access happens when the money has arrived.")
	}
	return s.printAccessOf(bill, plan)
}

func (c refundCmd) print(s *streams, plan billing.RefundPlan) {
	fmt.Fprintf(s.stdout, "Payment %s\n", plan.Payment.PaymentIntentID)
	for _, effect := range plan.Effects {
		fmt.Fprintf(s.stdout, "  %s\n", s.tell(effect))
	}
	if plan.Renews {
		fmt.Fprintln(s.stdout, "  To end it as well, add --cancel.")
	}
}

// someoneToAsk refuses a command that must ask, and has neither a terminal nor its answer.
func someoneToAsk(answered bool) error {
	if !answered && !term.IsTerminal(int(os.Stdin.Fd())) {
		return &usageError{errors.New("nobody is there to ask: run it in a terminal, or with --yes")}
	}
	return nil
}

// agreed asks, and takes only a yes for one.
func agreed(in io.Reader, out io.Writer) bool {
	fmt.Fprint(out, "Go on? Type yes: ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	return strings.EqualFold(strings.TrimSpace(answer), "yes")
}

// printAccessOf says what the payer may read after the refund.
func (s *streams) printAccessOf(bill *billing.Service, plan billing.RefundPlan) error {
	if plan.Payment.MemberID == nil {
		return nil
	}
	e, err := bill.Explain(s.ctx, *plan.Payment.MemberID, time.Time{})
	if err != nil {
		return fmt.Errorf("the refund is made; say what may be read now: %w", err)
	}
	s.printAccess(e.Known)
	return nil
}
