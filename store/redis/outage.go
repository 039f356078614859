package redis

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// quiet is how long a Logger hears no more of a reason for which the subscription broke:
// a server that ends the connection again and again would fill the log.
const quiet = time.Minute

// outage is the time during which a Run is not subscribed, and what its Logger knows of
// it.
type outage struct {
	logger *slog.Logger // nil: nobody is told
	since  time.Time
	known  bool                 // to the Logger
	told   map[string]time.Time // when the Logger last heard of a reason
}

// newOutage begins with a Run, which is not subscribed yet.
func newOutage(logger *slog.Logger) *outage {
	return &outage{logger: logger, since: time.Now(), told: map[string]time.Time{}}
}

// goesOn tells the Logger why there is no subscription: once in an outage for each
// reason.
func (o *outage) goesOn(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, errClosed) {
		return // the Run is to end
	}
	now := time.Now()
	if o.since.IsZero() {
		o.since, o.known = now, false
	}
	reason, level := reasonOf(err)
	last, known := o.told[reason]
	if o.logger == nil || known && (!last.Before(o.since) || now.Sub(last) < quiet) {
		return
	}
	o.told[reason], o.known = now, true
	o.logger.LogAttrs(ctx, level, "ration: no subscription to changes in Redis", slog.Any("error", err))
}

// ends tells the Logger that the subscription is there, where the Logger knows that it
// was not.
func (o *outage) ends(ctx context.Context) {
	if o.known && !o.since.IsZero() {
		after := time.Since(o.since)
		o.logger.LogAttrs(ctx, slog.LevelInfo, "ration: subscribed to changes in Redis again", slog.Duration("after", after))
	}
	o.since, o.known = time.Time{}, false
}

// reasonOf is the kind of a failure to subscribe, and how bad it is. The server's code is
// one, since the text of the others has ports that change. What only an administrator can
// mend is an error.
func reasonOf(err error) (reason string, level slog.Level) {
	switch reason := code(err); {
	case reason == "NOAUTH" || reason == "WRONGPASS" || reason == "NOPERM":
		return reason, slog.LevelError
	case reason != "":
		return reason, slog.LevelWarn
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer", slog.LevelWarn
	}
	return "no connection", slog.LevelWarn
}
