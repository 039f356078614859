// Package outage logs the beginning and the end of an outage, instead of a line for each
// request that fails.
package outage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Quiet is how long after its last failure an outage ends. Something that fails more
// often is in one long outage. So an outage has two lines in the log, and there are at
// most two lines for each Quiet.
const Quiet = 5 * time.Second

// A Log tells when something fails, counts what that affects, and logs the beginning and
// the end of each outage. The fields may be set before it is used. It is safe for
// concurrent use.
//
// A Log has no goroutine. The first success that is late enough ends the outage, so
// without any use an outage has no end.
type Log struct {
	Logger   *slog.Logger // if nil, nothing is logged
	Level    slog.Level   // of the beginning; the end has slog.LevelInfo
	Begins   string       // the line of the beginning
	Ends     string       // the line of the end
	Affected string       // the attribute of the end that has the count

	active atomic.Bool // in an outage; all that a success reads otherwise

	count   atomic.Int64 // what was affected, since the Log was made
	longest atomic.Int64 // the greatest that Raise was given in this outage

	mu        sync.Mutex // guards everything below
	since     time.Time  // when this outage began
	before    int64      // count when this outage began
	outages   int64
	failed    time.Time // the last failure
	recovered time.Time // the first success since then, or zero
}

// A State says whether an outage is under way.
type State struct {
	Failing  bool          // the last attempt failed
	Since    time.Time     // when the outage began; zero if there is none
	Affected int64         // in this outage; 0 if there is none
	Longest  time.Duration // the greatest that Raise was given in this outage

	Outages, AllAffected int64 // since the Log was made
}

// Active reports whether an outage is under way.
func (l *Log) Active() bool { return l.active.Load() }

// Fail notes a failure. The first one begins an outage, and is logged with err and attrs.
func (l *Log) Fail(ctx context.Context, err error, attrs ...slog.Attr) {
	if l.noteFailure(time.Now()) && l.Logger != nil {
		l.Logger.LogAttrs(ctx, l.Level, l.Begins, append(attrs, slog.Any("error", err))...)
	}
}

// noteFailure reports whether an outage begins.
func (l *Log) noteFailure(now time.Time) (begins bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed, l.recovered = now, time.Time{}
	if l.active.Load() {
		return false
	}
	l.since, l.before = now, l.count.Load()
	l.longest.Store(0)
	l.outages++
	l.active.Store(true)
	return true
}

// Succeed notes a success. It is small enough to be inlined.
func (l *Log) Succeed(ctx context.Context) {
	if l.active.Load() {
		l.mayEnd(ctx)
	}
}

// mayEnd ends the outage if its last failure is long enough ago, and logs that.
func (l *Log) mayEnd(ctx context.Context) {
	lasted, affected, ends := l.noteSuccess(time.Now())
	if ends && l.Logger != nil {
		l.Logger.LogAttrs(ctx, slog.LevelInfo, l.Ends, slog.Duration("after", lasted), slog.Int64(l.Affected, affected))
	}
}

// noteSuccess reports whether the outage ends. If it does, noteSuccess returns the time
// from the first failure to the first success after the last one, and what that affected.
func (l *Log) noteSuccess(now time.Time) (lasted time.Duration, affected int64, ends bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.active.Load() {
		return 0, 0, false
	}
	if l.recovered.IsZero() {
		l.recovered = now
	}
	if now.Sub(l.failed) < Quiet {
		return 0, 0, false
	}
	l.active.Store(false)
	return l.recovered.Sub(l.since), l.count.Load() - l.before, true
}

// Affect counts something that the outage affects, such as a decision. To be counted in
// the outage, it must come after the first Fail.
func (l *Log) Affect() { l.count.Add(1) }

// Note notes the result of an attempt: a success if err is nil, and otherwise a failure
// that affects this attempt alone.
func (l *Log) Note(ctx context.Context, err error) {
	if err == nil {
		l.Succeed(ctx)
		return
	}
	l.Fail(ctx, err)
	l.Affect()
}

// Raise sets State.Longest to d, unless it is greater.
func (l *Log) Raise(d time.Duration) {
	for {
		most := l.longest.Load()
		if int64(d) <= most || l.longest.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// State returns the state of the outage.
func (l *Log) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Outages: l.outages, AllAffected: l.count.Load()}
	if l.active.Load() {
		s.Failing = l.recovered.IsZero()
		s.Since = l.since
		s.Affected = s.AllAffected - l.before
		s.Longest = time.Duration(l.longest.Load())
	}
	return s
}
