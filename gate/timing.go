package gate

import (
	"context"
	"time"
)

// A timing has what an Observer is told of a decision beside its Outcome. A Gate without
// an Observer has none: all methods may be called on nil.
type timing struct {
	reading               // when the decision began
	timed   bool          // the Counter's part is timed
	read    bool          // a look-up was needed
	keyAge  time.Duration // see Decided.KeyAge
	counter time.Duration // the Counter's part
}

// newTiming returns the timing of a decision that begins.
func (g *Gate) newTiming(now reading) timing {
	return timing{reading: now, timed: !g.local || now.isSample()}
}

// isSample reports of one reading in 64 that it is a sample. It hashes the nanoseconds. A
// random number instead makes an observed decision 8ns slower. A clock whose ticks are
// long makes all decisions of a tick samples, or none.
func (r reading) isSample() bool {
	const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: Fibonacci hashing
	return uint64(r.since)*golden>>58 == 0
}

// elapsed returns the time since the decision began.
func (t *timing) elapsed() time.Duration { return time.Since(t.wall) - t.since }

// noteKey notes how the key of the decision was found. e is nil if it was not.
func (t *timing) noteKey(e *entry, read bool, maxAge time.Duration) {
	if t == nil {
		return
	}
	if read {
		t.read, t.timed = true, true
	}
	if e != nil {
		t.keyAge = max(0, t.gateAge()-e.read-maxAge)
	}
}

// noteWait notes that the Counter, which is store.Local, had to wait after all. Then the
// decision is timed. Its key was cached, or it would be timed already. So the Counter's
// part began when the decision did, within a microsecond.
func (t *timing) noteWait() {
	if t != nil {
		t.timed = true
	}
}

// counterBegins returns the time that counterEnds needs.
func (t *timing) counterBegins() time.Duration {
	if t == nil || !t.timed {
		return 0
	}
	return t.elapsed()
}

// counterEnds adds the time since the Counter's part began.
func (t *timing) counterEnds(began time.Duration) {
	if t != nil && t.timed {
		t.counter += t.elapsed() - began
	}
}

// observe decides as decideNow does, and tells the Observer.
func (g *Gate) observe(ctx context.Context, req *Request, d *Decision, now reading, charge bool) error {
	t := g.newTiming(now)
	err := g.decideNow(ctx, req, d, now, charge, &t)
	d.Peeked, d.More = !charge, req.More
	now.stamp(req)
	told := Decided{Request: *req, Outcome: d.Outcome, Err: err, Cached: !t.read, KeyAge: t.keyAge}
	if t.timed {
		told.Timed, told.Took, told.CounterTook = true, t.elapsed(), t.counter
	}
	g.cfg.Observer.Decided(ctx, told)
	return err
}
