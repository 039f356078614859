package client

import (
	"container/list"
	"sync"
	"time"
)

const (
	maxLimits   = 16              // of one partition
	firstBurst  = 10              // requests before the first answer
	firstWindow = 1 * time.Second // in which there are no more, even without an answer
	maxLag      = 50 * time.Millisecond
)

// partition is what is known about the limits of one host and credential, and the queue
// of the requests that wait for them.
type partition struct {
	spread time.Duration // Config.Spread

	mu     sync.Mutex
	queue  list.List // of *waiter, in the order of their tickets
	ticket uint64    // the newest ticket
	sent   uint64    // how many requests were sent
	flying int64     // how many of them have no answer yet
	last   time.Time // the slot of the latest one
	paces  []pace
	hold   time.Time // nothing is sent before

	// Until the first answer to a request after firstSeq, or until firstEnd, only
	// firstBurst requests are sent.
	first    bool
	firstSeq uint64
	firstEnd time.Time

	checked time.Time // the expected end of the queue when its waiters were checked
}

func newPartition(spread time.Duration) *partition { return &partition{spread: spread, first: true} }

// slot returns the time at which the nth of the next requests may be sent. It may be in
// the past. A request that was late by up to lag does not delay those behind it.
func (p *partition) slot(n int64, now time.Time, lag time.Duration) time.Time {
	var gap time.Duration
	ready := p.hold
	for i := range p.paces {
		gap = max(gap, p.paces[i].gap(now, p.spread))
		ready = later(ready, p.paces[i].ready(n, p.sent, p.spread))
	}
	at := later(later(p.last.Add(gap), now.Add(-lag)).Add(times(n-1, gap)), ready)
	if p.first && n > firstBurst-int64(p.sent-p.firstSeq) {
		at = later(at, p.firstEnd)
	}
	return at
}

// take counts a request as sent in the slot.
func (p *partition) take(r *attempt, slot, now time.Time) {
	p.sent++
	r.seq, r.before, r.began = p.sent, p.flying, now
	p.flying++
	p.last = slot
	switch {
	case p.first && p.firstEnd.IsZero():
		p.firstEnd = now.Add(firstWindow)
	case p.first && !now.Before(p.firstEnd):
		p.first = false
	}
}

// restart makes the next requests a first burst. Many of them may have waited.
func (p *partition) restart() { p.first, p.firstSeq, p.firstEnd = true, p.sent, time.Time{} }

// observe takes over what the answer to a request says.
func (p *partition) observe(r *attempt, a *answer, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
	if r.seq > p.firstSeq {
		p.first = false
	}
	p.dropStale(now)
	wait, held := r.hold(a)
	end := now.Add(wait + jitter(wait))
	for _, l := range a.limits {
		limit := p.find(l)
		limit.update(l, receipt{r.seq, p.sent, p.flying, r.before, r.began, now})
		if r.refused {
			limit.refuse(end, held)
		}
	}
	if held && end.After(p.hold) {
		p.hold = end
		p.restart()
	}
	p.tell(now)
}

// fail counts a request that gets no answer.
func (p *partition) fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
}

// find returns the pace of a limit, and makes one if it is new.
func (p *partition) find(l limit) *pace {
	oldest := 0
	for i := range p.paces {
		if p.paces[i].name == l.name && p.paces[i].pk == l.pk {
			return &p.paces[i]
		}
		if p.paces[i].at.Before(p.paces[oldest].at) {
			oldest = i
		}
	}
	if len(p.paces) < maxLimits {
		p.paces = append(p.paces, pace{})
		return &p.paces[len(p.paces)-1]
	}
	p.paces[oldest] = pace{}
	return &p.paces[oldest]
}

func (p *partition) dropStale(now time.Time) {
	kept := p.paces[:0]
	for i := range p.paces {
		if !p.paces[i].stale(now) {
			kept = append(kept, p.paces[i])
		}
	}
	p.paces = kept
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
