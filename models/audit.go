package models

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// AuditEntry is one thing that somebody did by hand. Entries are only ever added,
// and hold ids and terms, never an address or a name of a reader.
type AuditEntry struct {
	ID       uuid.UUID       `gorm:"type:uuid;primaryKey"`
	At       time.Time       `gorm:"type:timestamptz;not null"`
	Actor    string          `gorm:"type:text;not null"` // who, such as "cli:night-shift"
	Action   string          `gorm:"type:text;not null"` // what, such as "grant.added"
	Subject  string          `gorm:"type:text;not null"` // to what: an id
	MemberID *uuid.UUID      `gorm:"type:uuid"`
	Before   json.RawMessage `gorm:"type:jsonb"` // nil: there was nothing
	After    json.RawMessage `gorm:"type:jsonb"` // nil: there is nothing
	Reason   string          `gorm:"type:text;not null"`
}

// TableName is the table's name.
func (AuditEntry) TableName() string { return "audit_log" }

// Audit adds an entry, in the transaction that does what it tells of. An entry
// without an ID gets one.
func Audit(tx *gorm.DB, entry AuditEntry) error {
	if entry.ID == uuid.Nil {
		entry.ID = NewID()
	}
	if err := tx.Create(&entry).Error; err != nil {
		return fmt.Errorf("write %s to the audit log: %w", entry.Action, err)
	}
	return nil
}
