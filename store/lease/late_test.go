package lease_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// markOf returns the part of a charge that adds to a mark, or nil.
func markOf(c *store.Charge) *store.Part {
	counts, _ := store.LeasedSubject(subject)
	for i := range c.Parts {
		if s := c.Parts[i].Subject; len(s) > len(counts) && strings.HasPrefix(s, counts) {
			return &c.Parts[i]
		}
	}
	return nil
}

// isSettlement reports whether c is a settlement that the process can ask for later.
func isSettlement(c *store.Charge) bool { return markOf(c) != nil && markOf(c).N[0] == 1 }

// isQuestion reports whether c asks what became of a settlement.
func isQuestion(c *store.Charge) bool { return markOf(c) != nil && markOf(c).N[0] == 2 }

// question lets the store answer a question, and makes the step of the process. trace.mu
// is held.
func (l *ledger) question(ctx context.Context, c *store.Charge, f fate) error {
	if f == isNotTaken {
		return errCut
	}
	if f == losesCall {
		return errUnknown
	}
	if err := l.inner.Take(ctx, c); err != nil {
		return err
	}
	p := &l.machine.processes[l.process]
	asked := !l.dead && p.doubt.kind != idle
	if f == losesAnswer {
		if asked && !p.doubt.applied && !p.shut {
			l.step(asksInVain, l.process, 0)
		}
		return errUnknown
	}
	if asked {
		l.step(asksAgain, l.process, 0)
	}
	l.answered = time.Now()
	return nil
}

// arriveLate has a settlement reach the store later, when the process may have asked for
// it. doubt is its number, or 0 if it is no step of the machine. trace.mu is held.
func (l *ledger) arriveLate(c *store.Charge, doubt int) {
	late := &store.Charge{At: c.At, Parts: slices.Clone(c.Parts)}
	for i := range late.Parts {
		late.Parts[i].N = slices.Clone(late.Parts[i].N)
		late.Parts[i].Levels = make([]store.Level, len(late.Parts[i].N))
	}
	delay := time.Duration(l.rnd.Int64N(int64(300 * time.Millisecond)))
	time.AfterFunc(delay, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.tick(); l.dead {
			return
		}
		if err := l.inner.Take(context.Background(), late); err != nil {
			return // the subject has moved, for example
		}
		p := &l.machine.processes[l.process]
		open := doubt > 0 && doubt == l.doubts && p.doubt.kind != idle && !p.doubt.applied && !p.shut
		if late.OK && doubt > 0 || open {
			l.step(appliesLate, l.process, 0)
			if open && p.doubt.applied != late.OK {
				l.failf("a late settlement: the store decided %t, in the state %+v", late.OK, l.machine)
			}
			if used := l.usedIn(l.machine.window); used != int64(l.machine.used) {
				l.failf("after a late settlement the store counts %d used: want %d", used, l.machine.used)
			}
		}
	})
}
