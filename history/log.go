package history

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/ration-go/ration/internal/nilcheck"
)

// A Log writes a line for each change to a slog.Logger. Call NewLog to make one.
type Log struct{ logger *slog.Logger }

// NewLog returns a Log that writes to logger at the level Info. It panics if logger is
// nil.
func NewLog(logger *slog.Logger) *Log {
	nilcheck.Must("history: NewLog", nilcheck.Required("logger", logger, "a slog.Logger"))
	return &Log{logger}
}

// Record writes one line: "ration: changed", with the attributes of Entry.Attrs.
func (l *Log) Record(ctx context.Context, e Entry) {
	l.logger.LogAttrs(ctx, slog.LevelInfo, "ration: changed", e.Attrs()...)
}

// Attrs returns the attributes of a log line: the actor, the action, the kind, the id,
// and before and after with the fields that differ.
func (e *Entry) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.Any("actor", e.Actor), slog.String("action", e.Action), slog.String("kind", e.Kind), slog.String("id", e.ID),
	}
	var before, after []any
	for _, f := range e.Diff() {
		if f.Before != nil {
			before = append(before, slog.String(f.Name, plain(f.Before)))
		}
		if f.After != nil {
			after = append(after, slog.String(f.Name, plain(f.After)))
		}
	}
	return append(attrs, slog.Group("before", before...), slog.Group("after", after...))
}

// LogValue returns the time and Attrs as a group.
func (e Entry) LogValue() slog.Value {
	return slog.GroupValue(append([]slog.Attr{slog.Time("at", e.At)}, e.Attrs()...)...)
}

// plain returns the text of a JSON string, and any other JSON value as it is.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}
