package models

import "time"

// Stretch is a span of time that one line of one invoice of a subscription pays
// for, or that its trial gives: the fact that a grant rests on.
type Stretch struct {
	Price   string    `json:"price"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Invoice string    `json:"invoice,omitempty"` // "" for a trial
	Line    string    `json:"line,omitempty"`    // of the invoice
	// Processing says that the bank has yet to pay: a debit on its way.
	Processing bool      `json:"processing,omitempty"`
	Lost       Loss      `json:"lost,omitempty"`
	LostAt     time.Time `json:"lost_at,omitzero"`
	Cuts       []Cut     `json:"cuts,omitempty"`
}

// Cut is a credit for the rest of a stretch, such as an upgrade gives. One whose own
// money went back is Lost, and may cut nothing.
type Cut struct {
	At   time.Time `json:"at"`
	Lost Loss      `json:"lost,omitempty"`
}

// Loss is why the money of a settled invoice did not stay; "" where it did.
type Loss string

// The ways in which money goes back.
const (
	LostToRefund  Loss = "refunded"     // all of it
	HeldInDispute Loss = "disputed"     // the bank has it while it decides
	LostToDispute Loss = "dispute_lost" // for good
)

// Known says whether this program knows what to make of it. A newer one that ran on
// the same database may have kept others.
func (l Loss) Known() bool {
	switch l {
	case "", LostToRefund, HeldInDispute, LostToDispute:
		return true
	}
	return false
}

// UnknownLoss is the first way of going back that this program does not know, of the
// stretch's own money or of a cut's; "" for none.
func (s Stretch) UnknownLoss() Loss {
	if !s.Lost.Known() {
		return s.Lost
	}
	for _, cut := range s.Cuts {
		if !cut.Lost.Known() {
			return cut.Lost
		}
	}
	return ""
}

// Choice is what the policy makes of one event.
type Choice string

// The choices; which of them an event may have is in the table's CHECKs.
const (
	Nothing Choice = "nothing" // it opens nothing
	Access  Choice = "access"  // it opens what was bought
	Keep    Choice = "keep"    // the time that was paid for stays
	End     Choice = "end"     // access ends with it
	Suspend Choice = "suspend" // access rests until it is decided
	Revoke  Choice = "revoke"  // access ends at once
)

// Policy is what a publisher may choose of what money events do to access.
type Policy struct {
	RenewalSlackDays      int    `gorm:"type:integer;not null" yaml:"renewal_slack_days" json:"renewal_slack_days"`
	RenewalProcessingDays int    `gorm:"type:integer;not null" yaml:"renewal_processing_days" json:"renewal_processing_days"`
	LongestGraceDays      int    `gorm:"type:integer;not null" yaml:"longest_grace_days" json:"longest_grace_days"`
	FirstProcessing       Choice `gorm:"type:text;not null" yaml:"first_processing" json:"first_processing"`
	CanceledAtOnce        Choice `gorm:"type:text;not null" yaml:"canceled_at_once" json:"canceled_at_once"`
	Refund                Choice `gorm:"type:text;not null" yaml:"refund" json:"refund"`
	Dispute               Choice `gorm:"type:text;not null" yaml:"dispute" json:"dispute"`
	DisputeLost           Choice `gorm:"type:text;not null" yaml:"dispute_lost" json:"dispute_lost"`
}

// PolicyInForce is the one row that holds it. Version rises with each change, of a
// plan's grace days too.
type PolicyInForce struct {
	ID        int        `gorm:"type:integer;primaryKey;autoIncrement:false" json:"-"`
	Version   int64      `gorm:"type:bigint;not null" json:"version"`
	ChangedAt *time.Time `gorm:"type:timestamptz" json:"changed_at,omitempty"` // nil: as it was shipped
	Policy    `gorm:"embedded"`
}

// TableName is the table's name.
func (PolicyInForce) TableName() string { return "policy" }
