package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// How long a Watch waits before it listens again.
const (
	minPause = 10 * time.Millisecond
	maxPause = time.Second
)

// logInterval is the least time between two logs of the same failure. Without it, a
// server that ends the connection again and again would fill the log.
const logInterval = time.Minute

// Watch calls listen until ctx is done, and calls it again whenever it fails. The
// function listen learns of changes and calls Tell for them. It calls heard when it has
// begun to: from then on it misses no change. Watch then tells that anything may have
// changed.
//
// Watch returns the error of ctx. If listen was not successful at the time, the error
// also wraps the reason. If stop is not nil, Watch ends with an error that wraps stop,
// too.
func Watch(ctx context.Context, s *Store, logger *slog.Logger, stop error, listen func(ctx context.Context, heard func()) error) error {
	defer s.subscription.Run()()
	var reason error // why it does not listen
	out := outage{logger: logger, since: time.Now(), logged: map[string]time.Time{}}
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		lost, subscribed := func() {}, false
		err := listen(ctx, func() {
			pause, reason, subscribed = minPause, nil, true
			lost = s.subscription.Subscribe()
			s.listeners.Tell("") // only now: a change that is made after this is heard
			out.end(ctx)
		})
		lost()
		switch {
		case stop != nil && errors.Is(err, stop):
			return fmt.Errorf("%s: run: %w", s.prefix, err)
		case ctx.Err() == nil:
			reason = err
			out.report(ctx, err)
			s.subscription.Fail(subscribed, err)
		case reason != nil:
			return fmt.Errorf("%s: run: %w: %w", s.prefix, ctx.Err(), reason)
		default:
			return fmt.Errorf("%s: run: %w", s.prefix, ctx.Err())
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// An outage is the time during which a Watch does not listen, and what was logged of it.
type outage struct {
	logger   *slog.Logger // if nil, nothing is logged
	since    time.Time    // zero while the Watch listens
	reported bool
	logged   map[string]time.Time // when each failure was last logged
}

// report logs why nothing is heard, once in an outage for each failure.
func (o *outage) report(ctx context.Context, err error) {
	now := time.Now()
	if o.since.IsZero() {
		o.since, o.reported = now, false
	}
	kind := strings.Map(withoutDigits, err.Error())
	last, logged := o.logged[kind]
	if o.logger == nil || logged && (!last.Before(o.since) || now.Sub(last) < logInterval) {
		return
	}
	o.logged[kind] = now
	o.reported = true
	o.logger.LogAttrs(ctx, slog.LevelWarn, "ration: changes of other processes are not heard", slog.Any("error", err))
}

// end logs that changes are heard again, if it was logged that they are not.
func (o *outage) end(ctx context.Context) {
	if o.reported && !o.since.IsZero() {
		after := time.Since(o.since)
		o.logger.LogAttrs(ctx, slog.LevelInfo, "ration: changes of other processes are heard again", slog.Duration("after", after))
	}
	o.since, o.reported = time.Time{}, false
}

// withoutDigits drops digits. The text of an error may have a port, which changes.
func withoutDigits(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}
