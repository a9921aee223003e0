package service

import (
	"fmt"
	"io"
	"log/slog"
)

// Logger writes one JSON object per line, from the level of LOG_LEVEL on.
func Logger(w io.Writer, cfg Config) (*slog.Logger, error) {
	from, err := level(cfg.LogLevel)
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: from})), nil
}

func level(name string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return l, fmt.Errorf("unknown log level %q", name)
	}
	return l, nil
}
