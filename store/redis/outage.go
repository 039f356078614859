package redis

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// logInterval is the least time between two logs of the same reason for a broken
// subscription. Without it a server that ends the connection again and again would fill
// the log.
const logInterval = time.Minute

// outage is the time during which a Run is not subscribed, and what was logged about it.
type outage struct {
	logger   *slog.Logger // if nil, nothing is logged
	since    time.Time    // zero while the Run is subscribed
	reported bool
	logged   map[string]time.Time // when each reason was last logged
}

// newOutage returns the outage in which a Run begins, because it is not subscribed yet.
func newOutage(logger *slog.Logger) *outage {
	return &outage{logger: logger, since: time.Now(), logged: map[string]time.Time{}}
}

// report logs why there is no subscription, once in an outage for each reason.
func (o *outage) report(ctx context.Context, err error) {
	now := time.Now()
	if o.since.IsZero() {
		o.since, o.reported = now, false
	}
	reason, level := reasonOf(err)
	last, logged := o.logged[reason]
	if o.logger == nil || logged && (!last.Before(o.since) || now.Sub(last) < logInterval) {
		return
	}
	o.logged[reason] = now
	o.reported = true
	o.logger.LogAttrs(ctx, level, "ration: no subscription to changes in Redis", slog.Any("error", err))
}

// end logs that there is a subscription again, if its loss was logged.
func (o *outage) end(ctx context.Context) {
	if o.reported && !o.since.IsZero() {
		after := time.Since(o.since)
		o.logger.LogAttrs(ctx, slog.LevelInfo, "ration: subscribed to changes in Redis again", slog.Duration("after", after))
	}
	o.since, o.reported = time.Time{}, false
}

// reasonOf returns the kind of a failure to subscribe, and its level. The kind is the
// server's error code, or a fixed text: the texts of other errors contain ports, which
// change. A failure that only an administrator can mend is an error.
func reasonOf(err error) (reason string, level slog.Level) {
	switch reason := errorCode(err); {
	case isDenied(err):
		return reason, slog.LevelError
	case reason != "":
		return reason, slog.LevelWarn
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer", slog.LevelWarn
	}
	return "no connection", slog.LevelWarn
}
