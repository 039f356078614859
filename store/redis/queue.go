package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// How many calls are under way at a time, and how many decisions one carries at most.
const (
	// Where decisions are gathered, two calls keep both sides busy: while the server works
	// at one, the replies of the other are handed out and the next is written.
	flights = 2
	load    = 128

	// Where they are not, the calls are as many as a server can use, but fewer than the
	// places that the client has for them on a connection (1,024): who finds none there
	// waits for as long as the connection lasts.
	singles = 512
	errands = 64

	// In a Cluster each part of the slots has its own, so that a node that is silent keeps
	// few others waiting.
	parts = 16
)

// queue makes the calls to the server, each on a goroutine of its own, which ends when
// nobody waits any more: the client may keep its caller longer than ctx allows (while it
// connects, or has no place). There is one exception: see decide. Nobody waits for
// company: who finds a free flight takes off at once. Only who finds none waits, and
// leaves with others when one has landed.
type queue struct {
	flights, load int

	mu      sync.Mutex
	flying  int
	own     int // of flying: the calls that callers make themselves
	waiting []*passenger
}

// passenger is a decision, or an errand, that waits for a flight, or is on one.
type passenger struct {
	request
	errand   func(ctx context.Context) // a call of another kind, alone
	deadline time.Time                 // zero: none
	aboard   bool
	done     chan struct{} // has room for one
	reply    string
	err      error
}

var passengers = sync.Pool{New: func() any { return &passenger{done: make(chan struct{}, 1)} }}

// decide is the script's reply to r. A caller that gives up leaves its flight to the
// others.
//
// A caller with little time makes the call itself, where a flight and a connection are
// free: to wake another goroutine, and with it a processor that the server may need,
// takes a third of such a decision. See ownCall for why that call does not outlast the
// deadline. That ctx is cancelled shows when the server has answered, or at the deadline.
func (q *queue) decide(ctx context.Context, l *link, s *scripts, r *request) (string, error) {
	little := l.ownCalls && near(ctx)
	if little && l.warm.Load() && q.takeOff() {
		defer q.land(l, s)
		return l.ownCall(ctx, s, r)
	}
	p := passengers.Get().(*passenger)
	p.request, p.aboard = *r, false
	if err := q.travel(ctx, l, s, p); err != nil {
		return "", err
	}
	reply, err := p.reply, p.err
	p.request, p.reply, p.err = request{}, "", nil
	passengers.Put(p)
	if little && err == nil {
		l.warmUp()
	}
	return reply, err
}

// near says whether ctx ends within brief.
func near(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= brief
}

// takeOff is true if there was a free flight for a caller's own call.
func (q *queue) takeOff() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.flying == q.flights || q.own == ownCalls {
		return false
	}
	q.flying++
	q.own++
	return true
}

// land frees the flight of an own call, or has it go on for those who wait.
func (q *queue) land(l *link, s *scripts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.own--
	if len(q.waiting) > 0 {
		go ready(q, l, s).start()
	} else {
		q.flying--
	}
}

// send has errand make a call. After an error it may be under way still, and what it
// writes is not to be read.
func (q *queue) send(ctx context.Context, l *link, errand func(ctx context.Context)) error {
	return q.travel(ctx, l, nil, &passenger{errand: errand, done: make(chan struct{}, 1)})
}

// travel is over when p has what it came for, or ctx is done.
func (q *queue) travel(ctx context.Context, l *link, s *scripts, p *passenger) error {
	p.deadline, _ = ctx.Deadline()
	q.wait(l, s, p)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return q.leave(ctx, p)
	}
}

func (q *queue) wait(l *link, s *scripts, p *passenger) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, p)
	if q.flying < q.flights {
		q.flying++
		go ready(q, l, s).start()
	}
}

// leave is for who can wait no longer. It is nil if the reply has just come. For who is
// not aboard provably nothing was sent.
func (q *queue) leave(ctx context.Context, p *passenger) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.aboard {
		select {
		case <-p.done:
			return nil
		default:
			return ctx.Err()
		}
	}
	i := slices.Index(q.waiting, p)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return fmt.Errorf("%w: %w", store.ErrNotTaken, ctx.Err())
}

// board fills f with those who have waited longest. It is false, and the flight free, if
// nobody waits.
func (q *queue) board(f *flight) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), q.load)
	if n == 0 {
		q.flying--
		return false
	}
	f.passengers = append(f.passengers, q.waiting[:n]...)
	for _, p := range f.passengers {
		p.aboard = true
	}
	q.waiting = slices.Delete(q.waiting, 0, n)
	return true
}
