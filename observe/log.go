package observe

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ration-go/ration/gate"
)

// A LogConfig configures a Log. The zero LogConfig logs refusals and errors, and no
// admitted request.
type LogConfig struct {
	// Admitted logs one of so many admitted requests, chosen at random. If 0 or less, none
	// is logged. If 1, all are. Further costs of a request are not logged if they were
	// admitted: see gate.Request.More.
	Admitted int

	// PerSecond is how many lines each kind may have in a second. The default is 5. If more
	// would come, the next line of the kind says how many were suppressed. If negative,
	// there are no such lines at all.
	//
	// The kinds are: each Reason of a refusal; decisions that Config.OnFailure of the Gate
	// made; other decisions with an error; admitted requests that a soft limit would have
	// refused; and corrections that failed.
	PerSecond int
}

// A Log is a gate.Observer that logs a sample of the decisions. Make one with NewLog. It
// is safe for concurrent use.
//
// The lines have the ID of the key, and never a secret. Decisions of Peek are not logged,
// unless they failed. Admitted and refused requests have slog.LevelInfo, and everything
// that failed has slog.LevelWarn.
type Log struct {
	logger *slog.Logger
	cfg    LogConfig
	kinds  [kinds]sampler
}

// The kinds of lines, after those of the Reasons.
const (
	degraded = int(gate.NotCached) + 1 + iota
	failed
	soft
	correction
	kinds
)

// NewLog returns a Log that writes to logger. If logger is nil, nothing is logged.
func NewLog(logger *slog.Logger, cfg LogConfig) *Log {
	cfg.PerSecond = cmp.Or(cfg.PerSecond, 5)
	return &Log{logger: logger, cfg: cfg}
}

// Decided implements gate.Observer.
func (l *Log) Decided(ctx context.Context, d gate.Decided) {
	o := &d.Outcome
	if l.logger == nil || o.Peeked && d.Err == nil {
		return
	}
	switch {
	case o.Degraded:
		l.sample(ctx, degraded, slog.LevelWarn, "ration: decided without the Counter", &d)
	case d.Err != nil:
		l.sample(ctx, failed, slog.LevelWarn, "ration: decision failed", &d)
	case !o.Allowed:
		l.sample(ctx, int(o.Reason), slog.LevelInfo, "ration: refused", &d)
	case !o.Repeated && wouldBeRefused(o):
		l.sample(ctx, soft, slog.LevelInfo, "ration: admitted, and a limit that does not refuse has no room", &d)
	case l.cfg.Admitted > 0 && !o.More && (l.cfg.Admitted == 1 || rand.IntN(l.cfg.Admitted) == 0):
		l.write(ctx, slog.LevelInfo, "ration: admitted", decisionAttrs(&d))
	}
}

// wouldBeRefused reports whether a limit that does not refuse has no room for a request.
func wouldBeRefused(o *gate.Outcome) bool {
	for range o.WouldRefuse() {
		return true
	}
	return false
}

// Corrected implements gate.Observer.
func (l *Log) Corrected(ctx context.Context, c gate.Corrected) {
	if l.logger == nil || c.Err == nil {
		return
	}
	suppressed, ok := l.kinds[correction].take(time.Now(), l.cfg.PerSecond)
	if !ok || !l.logger.Enabled(ctx, slog.LevelWarn) {
		return
	}
	attrs := append(outcomeAttrs(&c.Outcome), slog.Bool("refund", c.Refund), slog.Any("error", c.Err))
	l.write(ctx, slog.LevelWarn, "ration: correction failed", withSuppressed(attrs, suppressed))
}

// sample logs a decision, unless its kind had enough lines in this second.
func (l *Log) sample(ctx context.Context, kind int, level slog.Level, message string, d *gate.Decided) {
	suppressed, ok := l.kinds[kind].take(time.Now(), l.cfg.PerSecond)
	if ok && l.logger.Enabled(ctx, level) {
		l.write(ctx, level, message, withSuppressed(decisionAttrs(d), suppressed))
	}
}

func (l *Log) write(ctx context.Context, level slog.Level, message string, attrs []slog.Attr) {
	l.logger.LogAttrs(ctx, level, message, attrs...)
}
