package models

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// slow is how long a statement may take before it is worth a line.
const slow = time.Second

// slowLog tells of slow statements and nothing else: errors are returned, and
// logged once where they are answered. The values of a statement are people's
// addresses and never logged.
type slowLog struct{}

func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }
func (slowLog) Info(context.Context, string, ...any)       {}
func (slowLog) Warn(context.Context, string, ...any)       {}
func (slowLog) Error(context.Context, string, ...any)      {}

func (slowLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	if took := time.Since(begin); took >= slow {
		sql, _ := statement()
		slog.WarnContext(ctx, "slow statement", "took", fmt.Sprintf("%.1fs", took.Seconds()), "sql", sql)
	}
}

// ParamsFilter keeps the values out of the statement that Trace is shown.
func (slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// GORM's Scan records its statement by way of this hook instead of the logger's
// own filter, and would put the values in.
func init() { logger.RecorderParamsFilter = slowLog{}.ParamsFilter } //nolint:gochecknoinits // the hook is a variable, and Open runs more than once
