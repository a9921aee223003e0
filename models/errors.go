package models

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// NotFound says whether err means that no row matched.
func NotFound(err error) bool { return errors.Is(err, gorm.ErrRecordNotFound) }

// Violates says whether err is the breach of the constraint or unique index of
// that name.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

func undefinedTable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42P01"
}
