package billing

import (
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// The oracle says the policy once more, straight from Stripe's objects and in whole
// days: no stretches, no spans, no tables. It shares nothing with them but the words.

func dayOf(seconds int64) int { return int(time.Unix(seconds, 0).Sub(dayAt(0)) / (24 * time.Hour)) }

// mayRead says whether what the price gives is open on a day.
func (l *life) mayRead(price string, day, graceDays int, p models.Policy) bool {
	first, paid, ever, settled := 0, 0, false, false
	for i, invoice := range l.invoices {
		settled = settled || invoice.Status == stripe.InvoiceStatusPaid
		if !l.counts(i, p) {
			continue
		}
		for _, line := range invoice.Lines.Data {
			if line.Amount > 0 && line.Price.ID == price {
				end := l.creditedFrom(line, p)
				if !ever || dayOf(line.Period.Start) < first {
					first = dayOf(line.Period.Start)
				}
				if !ever || end > paid {
					paid = end
				}
				ever = true
			}
		}
	}
	switch {
	case day < first && ever:
		return false
	case ever:
		return day < l.lastDay(price, first, paid, graceDays, p)
	case settled:
		return l.beforeLoss(price, day)
	}
	return l.byFirstDebit(price, day, p)
}

// counts says whether an invoice was paid and the money stayed, or was let go.
func (l *life) counts(i int, p models.Policy) bool {
	if l.invoices[i].Status != stripe.InvoiceStatusPaid {
		return false
	}
	switch why, _ := l.wentBack(i); why {
	case "refund":
		return p.Refund == models.Keep
	case "dispute":
		return p.Dispute == models.Keep
	case "lost":
		return p.DisputeLost == models.Keep
	}
	return true
}

// wentBack says why the money of an invoice is gone, and on which day.
func (l *life) wentBack(i int) (why string, day int) {
	charge, back := l.payments[i].LatestCharge, int64(0)
	for _, refund := range charge.Refunds.Data {
		if refund.Status == "succeeded" {
			back, day = back+refund.Amount, max(day, dayOf(refund.Created))
		}
	}
	if back >= charge.Amount {
		return "refund", day
	}
	if d := l.disputes[charge.ID]; d != nil {
		switch d.Status {
		case "needs_response", "under_review":
			return "dispute", dayOf(d.Created)
		case "lost":
			return "lost", dayOf(d.Created)
		}
	}
	return "", 0
}

// creditedFrom is the day from which a line is given back by some invoice that counts;
// its own end where none does.
func (l *life) creditedFrom(line *stripe.InvoiceLineItem, p models.Policy) int {
	end := dayOf(line.Period.End)
	for i, invoice := range l.invoices {
		for _, other := range invoice.Lines.Data {
			if l.counts(i, p) && other.ProrationDetails != nil && other.ProrationDetails.CreditedItems.InvoiceLineItems[0] == line.ID {
				end = min(end, dayOf(other.Period.Start))
			}
		}
	}
	return end
}

// lastDay is the first day on which a price that was paid for gives nothing.
func (l *life) lastDay(price string, first, paid, graceDays int, p models.Policy) int {
	if l.sub.Status == "canceled" {
		if ended := dayOf(l.sub.EndedAt); p.CanceledAtOnce == models.End && ended < paid {
			return max(ended, first)
		}
		return paid
	}
	last := paid + l.bridge(price, paid, graceDays, p)
	if l.sub.CancelAt != 0 && dayOf(l.sub.CancelAt) < last {
		last = max(dayOf(l.sub.CancelAt), paid)
	}
	return last
}

// bridge is how many days are given after what was paid for.
func (l *life) bridge(price string, paid, graceDays int, p models.Policy) int {
	if l.sub.PauseCollection != nil || l.sub.Status == "unpaid" || l.replaced(price, paid, p) {
		return 0
	}
	if l.sub.Status == "past_due" {
		return min(l.firstTried(paid)+graceDays-paid, p.LongestGraceDays)
	}
	processing := false
	for i, invoice := range l.invoices {
		for _, line := range invoice.Lines.Data {
			if line.Amount < 0 || dayOf(line.Period.End) <= paid {
				continue
			}
			if invoice.Status == stripe.InvoiceStatusPaid && !l.counts(i, p) {
				return 0
			}
			processing = processing || invoice.Status == stripe.InvoiceStatusOpen && l.payments[i].Status == "processing"
		}
	}
	if processing {
		return p.RenewalProcessingDays
	}
	return p.RenewalSlackDays
}

// replaced says that the other price was paid for from then on.
func (l *life) replaced(price string, paid int, p models.Policy) bool {
	for i, invoice := range l.invoices {
		for _, line := range invoice.Lines.Data {
			if l.counts(i, p) && line.Amount > 0 && line.Price.ID != price && dayOf(line.Period.Start) >= paid {
				return true
			}
		}
	}
	return false
}

// firstTried is the day on which the oldest debt was tried, not before what was paid.
func (l *life) firstTried(paid int) int {
	var oldest *stripe.Invoice
	for _, invoice := range l.invoices {
		if invoice.Status == stripe.InvoiceStatusOpen && (oldest == nil || invoice.Created < oldest.Created) {
			oldest = invoice
		}
	}
	if oldest == nil {
		return paid
	}
	return max(paid, dayOf(oldest.StatusTransitions.FinalizedAt))
}

// beforeLoss says that the price was paid for, that all of it went back, and that the
// day is before the last of it did.
func (l *life) beforeLoss(price string, day int) bool {
	first, paid, gone, ever := 0, 0, 0, false
	for i, invoice := range l.invoices {
		for _, line := range invoice.Lines.Data {
			if invoice.Status != stripe.InvoiceStatusPaid || line.Amount < 0 || line.Price.ID != price {
				continue
			}
			if start := dayOf(line.Period.Start); !ever || start < first {
				first = start
			}
			if end := dayOf(line.Period.End); !ever || end >= paid {
				paid = end
				_, gone = l.wentBack(i)
			}
			ever = true
		}
	}
	return ever && day >= first && day < min(paid, gone)
}

func (l *life) byFirstDebit(price string, day int, p models.Policy) bool {
	if p.FirstProcessing != models.Access || l.sub.Status != "active" {
		return false
	}
	first, end, ever := 0, 0, false
	for i, invoice := range l.invoices {
		for _, line := range invoice.Lines.Data {
			if l.payments[i].Status == "processing" && line.Amount > 0 && line.Price.ID == price {
				if start := dayOf(line.Period.Start); !ever || start < first {
					first = start
				}
				end, ever = max(end, dayOf(line.Period.End)), true
			}
		}
	}
	last := min(end, first+p.RenewalProcessingDays)
	if l.sub.CancelAt != 0 {
		last = min(last, dayOf(l.sub.CancelAt))
	}
	return ever && day >= first && day < last
}
