package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Dossier is everything that support sees of one member.
type Dossier struct {
	Member        MemberLine         `json:"member"`
	Name          string             `json:"name"`
	Locale        string             `json:"locale"`
	Access        Access             `json:"access"`
	Subscriptions []SubscriptionLine `json:"subscriptions"`
	Gifts         []GiftLine         `json:"gifts"`
	Payments      []PaymentLine      `json:"payments"` // the newest, at most 50
	Customers     []CustomerLine     `json:"customers"`
	Sessions      int64              `json:"sessions"`   // browsers that are signed in
	Duplicates    []MemberLine       `json:"duplicates"` // others under the same address
	Merged        []MergedLine       `json:"merged"`     // whose purchases became this member's
	Open          []Sentence         `json:"open"`       // what waits for staff
	Audit         []AuditLine        `json:"audit"`      // the newest, at most 50
}

// SubscriptionLine is a subscription of a member, to a plan, a gift or something
// else that is sold through the same account.
type SubscriptionLine struct {
	ID          string                    `json:"id"`
	Kind        models.SubscriptionKind   `json:"kind"`
	Plan        string                    `json:"plan,omitempty"`
	Price       *money.Money              `json:"price,omitempty"`
	Interval    models.Interval           `json:"interval,omitempty"`
	Status      models.SubscriptionStatus `json:"status"`
	Since       time.Time                 `json:"since"`
	PaidThrough *time.Time                `json:"paid_through,omitempty"`
	RenewsAt    *time.Time                `json:"renews_at,omitempty"`
	EndsAt      *time.Time                `json:"ends_at,omitempty"`
}

// GiftLine is a gift that a member set out to make.
type GiftLine struct {
	ID       uuid.UUID       `json:"id"`
	Amount   money.Money     `json:"amount"`
	Interval models.Interval `json:"interval"`
	At       time.Time       `json:"at"`
}

// PaymentLine is a line of the ledger.
type PaymentLine struct {
	PaymentIntent string               `json:"payment_intent"`
	Kind          models.PaymentKind   `json:"kind"`
	Status        models.PaymentStatus `json:"status"`
	Amount        money.Money          `json:"amount"`
	Refunded      money.Money          `json:"refunded"`
	Disputed      money.Money          `json:"disputed"`
	At            time.Time            `json:"at"`
}

// CustomerLine is a customer at Stripe, and how far behind we are.
type CustomerLine struct {
	ID       string     `json:"id"`
	Deleted  bool       `json:"deleted"`
	SyncedAt *time.Time `json:"synced_at,omitempty"`
	Waiting  bool       `json:"waiting"` // Stripe has told of something that is not in our books yet
	Fault    string     `json:"fault,omitempty"`
}

// MergedLine is a member that became part of another.
type MergedLine struct {
	ID uuid.UUID `json:"id"`
	At time.Time `json:"at"`
}

// AuditLine is an entry of the audit log.
type AuditLine struct {
	ID      uuid.UUID  `json:"id"`
	At      time.Time  `json:"at"`
	Actor   string     `json:"actor"`
	Action  string     `json:"action"`
	Subject string     `json:"subject"`
	Member  *uuid.UUID `json:"member,omitempty"`
	Before  any        `json:"before,omitempty"`
	After   any        `json:"after,omitempty"`
	Reason  string     `json:"reason"`
}

// dossierLines is how many payments and entries a dossier lists.
const dossierLines = 50

// Dossier reads everything about a member.
func (s *Service) Dossier(ctx context.Context, memberID uuid.UUID) (Dossier, error) {
	member, err := s.member(ctx, memberID)
	if err != nil {
		return Dossier{}, err
	}
	d := Dossier{Member: lineOf(member), Name: member.Name, Locale: member.Locale}
	explained, err := s.Explain(ctx, memberID, time.Time{})
	if err != nil {
		return d, err
	}
	d.Access, d.Open = explained.Known, explained.Open
	for _, read := range []func(context.Context, *Dossier) error{
		s.readSubscriptions, s.readGifts, s.readPayments, s.readCustomers, s.readSessions, s.readDuplicates, s.readMerged, s.readAudit,
	} {
		if err := read(ctx, &d); err != nil {
			return d, fmt.Errorf("read about member %s: %w", memberID, err)
		}
	}
	return d, nil
}

func (s *Service) readSubscriptions(ctx context.Context, d *Dossier) error {
	var rows []struct {
		models.Subscription
		Plan, Currency string
		Amount         int64
		Every          models.Interval
	}
	err := s.db.WithContext(ctx).Raw(`
		SELECT s.*, plans.name AS plan, p.currency, p.amount, p."interval" AS every
		FROM subscriptions s
		JOIN customers c ON c.id = s.customer_id
		LEFT JOIN prices p ON p.id = s.price_id
		LEFT JOIN plans ON plans.id = p.plan_id
		WHERE c.member_id = ? AND s.livemode = ?
		ORDER BY s.created_at DESC`, d.Member.ID, s.cfg.Livemode).Scan(&rows).Error
	for _, row := range rows {
		line := SubscriptionLine{
			ID: row.ID, Kind: row.Kind, Plan: row.Plan, Interval: row.Every, Status: row.Status, Since: row.CreatedAt,
			PaidThrough: row.PaidThrough, RenewsAt: orNil(nextCharge(row.Subscription)), EndsAt: orNil(endOf(row.Subscription)),
		}
		if row.Currency != "" {
			price := money.Of(row.Amount, row.Currency)
			line.Price = &price
		}
		d.Subscriptions = append(d.Subscriptions, line)
	}
	return err
}

func (s *Service) readGifts(ctx context.Context, d *Dossier) error {
	var rows []models.Donation
	err := s.db.WithContext(ctx).Where("member_id = ? AND livemode = ?", d.Member.ID, s.cfg.Livemode).
		Where("EXISTS (SELECT FROM payments p WHERE p.donation_id = donations.id)"). // others were never paid
		Order("created_at DESC").Limit(dossierLines).Find(&rows).Error
	for _, row := range rows {
		d.Gifts = append(d.Gifts, GiftLine{row.ID, money.Of(row.Amount, row.Currency), row.Interval, row.CreatedAt})
	}
	return err
}

func (s *Service) readPayments(ctx context.Context, d *Dossier) error {
	var rows []models.Payment
	err := s.db.WithContext(ctx).Where("member_id = ? AND livemode = ?", d.Member.ID, s.cfg.Livemode).
		Order("created_at DESC, id DESC").Limit(dossierLines).Find(&rows).Error
	for _, row := range rows {
		d.Payments = append(d.Payments, PaymentLine{
			row.PaymentIntentID, row.Kind, row.Status, money.Of(row.Amount, row.Currency),
			money.Of(row.Refunded, row.Currency), money.Of(row.Disputed, row.Currency), row.CreatedAt,
		})
	}
	return err
}

func (s *Service) readCustomers(ctx context.Context, d *Dossier) error {
	return s.db.WithContext(ctx).Raw(`
		SELECT c.id, c.deleted, c.synced_at, coalesce(q.dirty > q.synced, false) AS waiting, coalesce(q.last_error, '') AS fault
		FROM customers c LEFT JOIN sync_subjects q ON q.id = c.id
		WHERE c.member_id = ? AND c.livemode = ? ORDER BY c.created_at DESC`, d.Member.ID, s.cfg.Livemode).Scan(&d.Customers).Error
}

func (s *Service) readSessions(ctx context.Context, d *Dossier) error {
	now := s.clock()
	return s.db.WithContext(ctx).Model(&models.Session{}).
		Where("member_id = ? AND revoked_at IS NULL AND idle_until > ? AND expires_at > ?", d.Member.ID, now, now).Count(&d.Sessions).Error
}

func (s *Service) readDuplicates(ctx context.Context, d *Dossier) error {
	var rows []models.Member
	err := s.db.WithContext(ctx).Where("(email = ? OR provisional_email = ?) AND id <> ? AND merged_into IS NULL", d.Member.Address, d.Member.Address, d.Member.ID).
		Order("id").Limit(dossierLines).Find(&rows).Error
	for _, row := range rows {
		d.Duplicates = append(d.Duplicates, lineOf(row))
	}
	return err
}

func (s *Service) readMerged(ctx context.Context, d *Dossier) error {
	return s.db.WithContext(ctx).Raw("SELECT id, merged_at AS at FROM members WHERE merged_into = ? ORDER BY merged_at, id LIMIT ?", d.Member.ID, dossierLines).
		Scan(&d.Merged).Error
}

func (s *Service) readAudit(ctx context.Context, d *Dossier) error {
	var rows []models.AuditEntry
	err := s.db.WithContext(ctx).Where(aboutMember, map[string]any{"id": d.Member.ID}).
		Order("at DESC, id DESC").Limit(dossierLines).Find(&rows).Error
	for _, row := range rows {
		d.Audit = append(d.Audit, auditLine(row))
	}
	return err
}
