package client

import (
	"container/list"
	"context"
	"fmt"
	"time"
)

// waiter is a request that waits to be sent.
type waiter struct {
	ticket uint64
	bound  bound
	wake   chan struct{} // has a place for one signal
	err    error         // the request cannot wait for so long
}

// bound is the time until which a request may wait.
type bound struct {
	host     string
	end      time.Time
	deadline bool // end is the deadline of the request's context
}

// newBound returns the bound of a request that has waited before.
func newBound(ctx context.Context, host string, now time.Time, left time.Duration) bound {
	b := bound{host: host, end: now.Add(left)}
	if d, ok := ctx.Deadline(); ok && d.Before(b.end) {
		b.end, b.deadline = d, true
	}
	return b
}

// check returns a *WaitError if a request would wait until a time after the bound.
func (b *bound) check(at, now time.Time) error {
	if !at.After(b.end) || !at.After(now) {
		return nil
	}
	return &WaitError{Host: b.host, Wait: at.Sub(now), Max: max(b.end.Sub(now), 0), Deadline: b.deadline}
}

// wait returns when the request may be sent. It takes what it waited from r.left.
func (p *partition) wait(ctx context.Context, r *attempt) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("client: wait: %w", err)
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.ticket == 0 {
		p.ticket++
		r.ticket = p.ticket
	}
	w := &waiter{ticket: r.ticket, bound: newBound(ctx, r.host, now, r.left)}
	place, n := p.enqueue(w)
	slot := p.slot(n, now, 0)
	if n == 1 && !slot.After(now) {
		p.queue.Remove(place)
		p.take(r, slot, now)
		return nil
	}
	if err := w.bound.check(slot, now); err != nil {
		p.leave(place)
		return err
	}
	p.checked = later(p.checked, slot)
	w.wake = make(chan struct{}, 1)
	slot, err := p.sleep(ctx, place, w)
	if err == nil {
		p.take(r, slot, time.Now())
		r.left -= r.began.Sub(now)
	}
	p.leave(place)
	return err
}

// sleep returns when the waiter is the first of the queue and its slot has come. It gives
// up p.mu while it sleeps.
func (p *partition) sleep(ctx context.Context, place *list.Element, w *waiter) (slot time.Time, err error) {
	var due time.Time // the slot that the timer is set to
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		next := w.bound.end
		if w.err == nil && p.queue.Front() == place {
			slot := p.slot(1, now, maxLag)
			if !slot.After(now) {
				return later(slot, earlier(due, now)), nil
			}
			w.err = w.bound.check(slot, now)
			next, due = slot, slot
		} else if w.err == nil && !next.After(now) {
			w.err = w.bound.check(later(p.slot(p.position(place), now, 0), now.Add(1)), now)
		}
		if w.err != nil {
			return slot, w.err
		}
		timer.Reset(next.Sub(now))
		p.mu.Unlock()
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if err := ctx.Err(); err != nil {
			return slot, fmt.Errorf("client: wait: %w", err)
		}
	}
}

// enqueue puts w into the queue, and returns its element and its position. A request that
// is sent again has an old ticket, so its place is near the front.
func (p *partition) enqueue(w *waiter) (place *list.Element, n int64) {
	back := p.queue.Back()
	if back == nil || back.Value.(*waiter).ticket < w.ticket {
		return p.queue.PushBack(w), int64(p.queue.Len())
	}
	n = 1
	for e := p.queue.Front(); ; e = e.Next() {
		if e.Value.(*waiter).ticket > w.ticket {
			return p.queue.InsertBefore(w, e), n
		}
		n++
	}
}

func (p *partition) position(place *list.Element) (n int64) {
	for e := place; e != nil; e = e.Prev() {
		n++
	}
	return n
}

// leave removes a waiter from the queue, and wakes the first of those that remain.
func (p *partition) leave(place *list.Element) {
	first := p.queue.Front() == place
	p.queue.Remove(place)
	if first {
		p.wakeFirst()
	}
}

func (p *partition) wakeFirst() {
	if e := p.queue.Front(); e != nil {
		e.Value.(*waiter).signal()
	}
}

func (w *waiter) signal() {
	if w.wake == nil {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// tell wakes the first waiter after a change. If the end of the queue is expected clearly
// later than before, it tells all that cannot wait for so long.
func (p *partition) tell(now time.Time) {
	p.wakeFirst()
	if p.queue.Len() == 0 {
		p.checked = time.Time{}
		return
	}
	end := p.slot(int64(p.queue.Len()), now, 0)
	if !end.After(p.checked.Add(max(time.Second, end.Sub(now)/10))) {
		return
	}
	p.checked = end
	n := int64(1)
	for e := p.queue.Front(); e != nil; e = e.Next() {
		w := e.Value.(*waiter)
		if w.err = w.bound.check(p.slot(n, now, 0), now); w.err != nil {
			w.signal()
			continue // it does not take a slot
		}
		n++
	}
}
