package stripesim

import (
	"container/heap"
	"time"
)

// action is something that will happen by itself at its instant: a renewal, a
// retry, an expiry, a delivery. It names its doing and its subject by text, so
// that it outlives the process. What it finds when it comes may have changed,
// and then it does nothing: actions are never cancelled.
type action struct {
	At      int64  `json:"at"` // Unix seconds
	Order   int64  `json:"order"`
	Doing   string `json:"doing"`
	Subject string `json:"subject"`
	Clock   string `json:"clock,omitempty"` // the test clock that At is told by
}

// doings says what each action does. This is the whole of what the simulator
// does unasked.
func doings() map[string]func(*Sim, string) {
	return map[string]func(*Sim, string){
		"coupon.lapse":          (*Sim).lapseCoupon,
		"delivery.attempt":      (*Sim).readyDelivery,
		"discount.end":          (*Sim).endDiscount,
		"invoice.finalize":      (*Sim).finalizeDraft,
		"invoice.retry":         (*Sim).retryInvoice,
		"promotion_code.lapse":  (*Sim).lapseCode,
		"session.expire":        (*Sim).expireSession,
		"subscription.cancel":   (*Sim).cancelDue,
		"subscription.lapse":    (*Sim).lapseIncomplete,
		"subscription.renew":    (*Sim).renew,
		"subscription.resume":   (*Sim).resumeCollection,
		"subscription.upcoming": (*Sim).announceRenewal,
		"test_clock.advance":    (*Sim).runTestClock,
		"test_clock.delete":     (*Sim).removeTestClock,
		"trial.ending":          (*Sim).announceTrialEnd,
		"invoice.unproven":      (*Sim).unproven,
		"debit.settle":          (*Sim).settleDebit,
		"charge.dispute":        (*Sim).disputeByMethod,
		"refund.settle":         (*Sim).settleRefund,
		"dispute.decide":        (*Sim).decideDispute,
		"dispute.due":           (*Sim).lapseDispute,
	}
}

// queue is a heap of actions, the earliest first, equals in order of planning.
type queue []action

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].At != q[j].At {
		return q[i].At < q[j].At
	}
	return q[i].Order < q[j].Order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(action)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// plan puts an action into the queue, or into that of the test clock by whose
// time it was planned.
func (s *Sim) plan(at int64, doing, subject string) {
	s.planned++
	s.enqueue(action{At: at, Order: s.planned, Doing: doing, Subject: subject, Clock: s.frozen})
	s.changed = true
}

func (s *Sim) enqueue(a action) {
	if a.Clock == "" {
		heap.Push(&s.due, a)
		return
	}
	if s.frozenDue[a.Clock] == nil {
		s.frozenDue[a.Clock] = &queue{}
	}
	heap.Push(s.frozenDue[a.Clock], a)
}

// catchUp carries out everything that is due by the clock, each at its own
// instant and in order, and leaves the simulator at the clock's present time.
func (s *Sim) catchUp() {
	clock := s.cfg.Clock().UTC()
	for len(s.due) > 0 && s.due[0].At <= clock.Unix() {
		a := heap.Pop(&s.due).(action)
		s.now = time.Unix(a.At, 0).UTC()
		s.changed = true
		s.doings[a.Doing](s, a.Subject)
	}
	s.now = clock
}
