package billing

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// MemberLine is a member in a list, as support sees them.
type MemberLine struct {
	ID          uuid.UUID `json:"id"`
	Address     string    `json:"address"`
	Proven      bool      `json:"proven"`      // they opened a link that we sent there
	Provisional bool      `json:"provisional"` // another member owns the address
	Disowned    bool      `json:"disowned"`    // and says that the purchase is not theirs
	Since       time.Time `json:"since"`
}

// GuestGift is a gift that somebody made without an account, one line per payment.
type GuestGift struct {
	DonationID    uuid.UUID   `json:"donation"`
	Address       string      `json:"address"`
	PaymentIntent string      `json:"payment_intent"`
	Amount        money.Money `json:"amount"`
	PaidAt        time.Time   `json:"paid_at"`
}

// Found is one page of what a search found.
type Found struct {
	Members []MemberLine `json:"members"`
	Gifts   []GuestGift  `json:"guest_gifts"`    // the newest, on the first page only
	Next    *uuid.UUID   `json:"next,omitempty"` // where the next page goes on; nil: that was all
}

const (
	// findPage is how many members one page of a search shows.
	findPage = 20
	// findShortest keeps a search from meaning nearly everybody.
	findShortest = 3
)

// FindMembers looks for members by an address or a part of one, or by any id that
// leads to them: a member's (its first eight characters will do), a gift's, a
// payment's or a grant's of ours, a customer's, subscription's, payment intent's,
// charge's, invoice's, refund's or checkout session's at Stripe. after is the Next
// of the page before; nil begins. KindInvalid search_short.
func (s *Service) FindMembers(ctx context.Context, text string, after *uuid.UUID) (Found, error) {
	text = strings.TrimSpace(text)
	if len(text) < findShortest || text != storable(text) {
		return Found{}, invalid("search_short", "", map[string]any{"Shortest": findShortest})
	}
	query := s.db.WithContext(ctx).Where("id IN (?)", s.whoIs(s.leadingTo(text))).Order("id").Limit(findPage + 1)
	if after != nil {
		query = query.Where("id > ?", after)
	}
	var rows []models.Member
	if err := query.Find(&rows).Error; err != nil {
		return Found{}, fmt.Errorf("look for members: %w", err)
	}
	var found Found
	if len(rows) > findPage {
		rows = rows[:findPage]
		found.Next = &rows[findPage-1].ID
	}
	for _, m := range rows {
		found.Members = append(found.Members, lineOf(m))
	}
	if after != nil {
		return found, nil
	}
	var err error
	found.Gifts, err = s.guestGifts(ctx, text)
	return found, err
}

func lineOf(m models.Member) MemberLine {
	return MemberLine{m.ID, m.Address(), m.EmailVerifiedAt != nil, m.Provisional(), m.Disowned(), m.CreatedAt}
}

// whoIs are the ids of those who answer to a condition on members. One that was merged
// is the other now.
func (s *Service) whoIs(condition *gorm.DB) *gorm.DB {
	return s.db.Model(&models.Member{}).Select("coalesce(merged_into, id)").Where(condition)
}

// FindMember is the one member that a text names: by their whole address, or by an
// id as FindMembers takes it. Of several with one address it is who owns it. A part
// of an address is not enough: what support does next may be done to the wrong
// reader. KindNotFound member_unknown, KindInvalid member_ambiguous.
func (s *Service) FindMember(ctx context.Context, text string) (models.Member, error) {
	text = strings.TrimSpace(text)
	where := s.leadingTo(text)
	if address, err := models.CanonicalEmail(text); err == nil {
		where = s.db.Where("email = ? OR provisional_email = ?", address, address)
	} else if !isID(text) || text != storable(text) {
		return models.Member{}, &Error{Kind: KindNotFound, Code: "member_unknown"}
	}
	var rows []models.Member
	err := s.db.WithContext(ctx).Where("id IN (?)", s.whoIs(where)).Order("email IS NULL, id").Limit(2).Find(&rows).Error
	switch {
	case err != nil:
		return models.Member{}, fmt.Errorf("look for a member: %w", err)
	case len(rows) == 0:
		return models.Member{}, &Error{Kind: KindNotFound, Code: "member_unknown"}
	case len(rows) == 2 && (rows[0].Email == nil || rows[1].Email != nil):
		return models.Member{}, invalid("member_ambiguous", "", nil)
	}
	return rows[0], nil
}

// leadingTo is the condition on members that a text stands for.
func (s *Service) leadingTo(text string) *gorm.DB {
	if statement, ok := owners[prefixOf(text)]; ok {
		return s.db.Where("id IN ("+statement+")", map[string]any{"id": text})
	}
	if id, ok := parseID(text); ok {
		return s.db.Where("id IN ("+ownersOfOurs+")", map[string]any{"id": id})
	}
	if beginning.MatchString(text) {
		from, until := between(text)
		return s.db.Where("id BETWEEN ? AND ?", from, until)
	}
	part := strings.ToLower(text) // a whole address is canonical in small letters, too
	return s.db.Where("strpos(email, ?) > 0 OR strpos(provisional_email, ?) > 0", part, part)
}

// owners are the statements from an id at Stripe to its member, by the id's prefix.
var owners = map[string]string{
	"cus_": `SELECT member_id FROM customers WHERE id = @id`,
	"sub_": `SELECT c.member_id FROM subscriptions s JOIN customers c ON c.id = s.customer_id WHERE s.id = @id`,
	"pi_":  `SELECT member_id FROM payments WHERE payment_intent_id = @id`,
	"ch_":  `SELECT member_id FROM payments WHERE charge_id = @id`,
	"in_":  `SELECT member_id FROM payments WHERE invoice_id = @id`,
	"re_":  `SELECT p.member_id FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = @id`,
	"cs_":  `SELECT member_id FROM checkout_intents WHERE session_id = @id`,
}

// ownersOfOurs are the members that an id of ours leads to.
const ownersOfOurs = `SELECT id FROM members WHERE id = @id
	UNION SELECT member_id FROM donations WHERE id = @id
	UNION SELECT member_id FROM payments WHERE id = @id
	UNION SELECT member_id FROM grants WHERE id = @id`

func prefixOf(text string) string {
	prefix, _, _ := strings.Cut(text, "_")
	return prefix + "_"
}

// beginning is how the id of a member begins, long enough to be no word.
var beginning = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f-]{0,27})?$`)

func isID(text string) bool {
	_, ours := parseID(text)
	return ours || owners[prefixOf(text)] != "" || beginning.MatchString(text)
}

// between are the first and the last id that begin so.
func between(text string) (from, until uuid.UUID) {
	digits := strings.ReplaceAll(text, "-", "")
	fill := func(with string) uuid.UUID {
		id, _ := parseID((digits + strings.Repeat(with, 32))[:32])
		return id
	}
	return fill("0"), fill("f")
}

// guestGifts are the newest gifts of people without an account that a text leads to.
func (s *Service) guestGifts(ctx context.Context, text string) ([]GuestGift, error) {
	where := s.db.Where("strpos(d.donor_email, ?) > 0", strings.ToLower(text))
	if id, ok := parseID(text); ok {
		where = s.db.Where("d.id = ? OR p.id = ?", id, id)
	} else if owners[prefixOf(text)] != "" {
		where = s.db.Where("p.payment_intent_id = ? OR p.charge_id = ?", text, text)
	}
	var rows []struct {
		ID                           uuid.UUID
		DonorEmail, Intent, Currency string
		Amount                       int64
		PaidAt                       time.Time
	}
	err := s.db.WithContext(ctx).Table("donations d").
		Select("d.id, d.donor_email, p.payment_intent_id AS intent, p.currency, p.amount, p.paid_at").
		Joins("JOIN payments p ON p.donation_id = d.id").
		Where("d.member_id IS NULL AND p.paid_at IS NOT NULL AND p.livemode = ?", s.cfg.Livemode).Where(where).
		Order("p.paid_at DESC").Limit(findPage).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("look for guests' gifts: %w", err)
	}
	var all []GuestGift
	for _, row := range rows {
		all = append(all, GuestGift{row.ID, row.DonorEmail, row.Intent, money.Of(row.Amount, row.Currency), row.PaidAt})
	}
	return all, nil
}
