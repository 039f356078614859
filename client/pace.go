package client

import (
	"math/rand/v2"
	"time"
)

// pace says when further requests may be sent under one limit. Its figures are those of
// the newest answer, less the requests that were sent since.
//
// A server does not say whether a limit is a window that ends or a bucket that refills.
// For a window, t is the time to its end. For a bucket it is the time to the next token,
// in whole seconds. So what remains is used within t, and more is expected after t only.
// The answers show when a limit is a bucket: see learn.
type pace struct {
	limit
	seq  uint64    // the newest request that was answered
	sent uint64    // how many were sent when the answer came
	at   time.Time // when it came
	from time.Time // from when on a bucket refills what remained
	free int64     // what remained then
	end  time.Time // of the time for which free is enough
	run  time.Time // until then, what remains should only become less

	bucket   bool // it refills continuously
	proofs   int
	base     int64 // what remained at the latest proof
	baseSeq  uint64
	baseOver int64 // how many requests were sent between that one and its answer
	baseAt   time.Time
}

// receipt is what a partition knows about the request that was answered.
type receipt struct {
	seq      uint64    // its number
	sent     uint64    // how many requests were sent until now
	inflight int64     // how many others have no answer yet
	before   int64     // how many others were in flight when it was sent
	began    time.Time // when it was sent
	now      time.Time
}

// update sets p by an answer.
func (p *pace) update(l limit, r receipt) {
	p.learn(l, r)
	if p.bucket && r.seq < p.seq {
		return // another answer is newer
	}
	if !p.bucket && p.reordered(l, r) {
		l.left = p.left
	}
	p.limit, p.seq, p.sent = l, max(p.seq, r.seq), r.sent
	p.at, p.from = r.now, r.now
	// Requests in flight may not be counted yet.
	p.free = l.left - r.inflight
	if p.bucket {
		p.free = l.left - int64(r.sent-r.seq)
	}
	if p.bucket && l.left > 0 {
		// The next request takes about as long to the server as this one took, so the
		// bucket has refilled since this one was sent. With nothing left there is no room
		// for error.
		p.from = r.began
	}
	p.end = r.now.Add(l.window)
	if l.resets {
		p.end = r.now.Add(l.reset)
	}
	if l.resets && l.left == 0 {
		p.end = p.end.Add(jitter(l.reset))
	}
	if !r.now.Before(p.run) {
		p.run = p.end
	}
}

// reordered reports whether more remains than before because answers came in another
// order. The server counted this request first, and its answer came after those of later
// requests. All of them were in flight together.
func (p *pace) reordered(l limit, r receipt) bool {
	return r.now.Before(p.run) && l.left > p.left && l.left <= p.left+r.before+int64(r.sent-r.seq)
}

// learn finds out whether the limit is a bucket. More remains than the requests since the
// base explain only if some was added. A window adds only when it ends. So when something
// was added twice, and each time within half a window of the time before, then the limit
// is a bucket. Requests that are in flight together may be counted in any order. So the
// base may count some that were sent after it, and the new answer may miss some that were
// sent before it.
func (p *pace) learn(l limit, r receipt) {
	if l.refills {
		p.bucket = true
		return
	}
	if r.seq < p.seq {
		return
	}
	added := l.left - p.base + int64(r.seq-p.baseSeq)
	first := p.baseAt.IsZero()
	if !first && added <= p.baseOver+r.before {
		return
	}
	if !first && r.now.Sub(p.baseAt) < l.window/2 {
		p.proofs++
	} else {
		p.proofs = 0
	}
	p.bucket = p.proofs >= 2
	p.base, p.baseSeq, p.baseAt = l.left, r.seq, r.now
	p.baseOver = int64(r.sent - r.seq)
}

// refuse forgets what learn found, because the server has refused nevertheless. If the
// answer has a Retry-After, that counts more than t: then the limit is used up until end.
func (p *pace) refuse(end time.Time, held bool) {
	p.bucket, p.proofs, p.baseAt = p.refills, 0, time.Time{}
	if held && p.left == 0 {
		p.end = end
	}
}

// each returns the time in which one request is added on average, or 0 if it is unknown.
func (p *pace) each() time.Duration {
	if p.quota <= 0 {
		return 0
	}
	return p.window / time.Duration(p.quota)
}

// brief reports whether the reset may be that of a bucket's next token, or of a window
// that is nearly over.
func (p *pace) brief() bool { return p.resets && p.reset <= max(time.Second, p.each()) }

// spread reports whether the window is short enough to be paced.
func (p *pace) spread(longest time.Duration) bool {
	return p.brief() || max(p.window, p.reset) <= longest
}

// ready returns the time at which the limit has room for the nth of the next requests,
// which may be in the past.
func (p *pace) ready(n int64, sent uint64, longest time.Duration) time.Time {
	beyond := n - p.free + int64(sent-p.sent) // how far it is behind those that are free
	switch each := p.each(); {
	case beyond <= 0:
		return time.Time{}
	case each == 0:
		return p.end
	case p.bucket && p.brief():
		return p.from.Add(times(beyond, each))
	case p.spread(longest):
		return p.end.Add(times(beyond-1, each))
	default:
		return p.end.Add(times((beyond-1)/p.quota, p.window))
	}
}

// gap returns the time between two requests that the limit asks for.
func (p *pace) gap(now time.Time, longest time.Duration) time.Duration {
	switch each := p.each(); {
	case !p.spread(longest):
		return 0
	case p.free <= 0 || !now.Before(p.end):
		return p.slower(each)
	case p.brief() && each > 0:
		return min(p.slower(each), p.end.Sub(p.at)/time.Duration(p.free))
	default:
		return p.end.Sub(p.at) / time.Duration(p.free)
	}
}

// slower returns the gap for a window, in which one request less than allowed is sent. A
// client that uses up the whole window has to wait for its end, which it knows to the
// second only.
func (p *pace) slower(each time.Duration) time.Duration {
	if p.bucket || p.quota < 2 {
		return each
	}
	return p.window / time.Duration(p.quota-1)
}

// stale reports whether the limit is so old that it says nothing.
func (p *pace) stale(now time.Time) bool {
	return now.After(p.end.Add(max(p.window, time.Second)))
}

// times returns n*d, at most 100 years.
func times(n int64, d time.Duration) time.Duration {
	const most = 100 * maxTime
	if d > 0 && n > int64(most/d) {
		return most
	}
	return time.Duration(n) * d
}

// jitter returns a random time that is added to a wait, so that clients that were told
// the same time do not all come back at once: up to a tenth of the wait, and at most 5s.
func jitter(wait time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(min(wait/10, 5*time.Second)) + 1))
}
