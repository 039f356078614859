package storetest

import (
	"context"
	"sync"
	"time"
)

// mostLooks bounds how often a case lets a store look at a ctx before it ends.
const mostLooks = 12

// glimpse is a ctx that ends when Err and Done were called so many times. It ends calls
// that are under way, without a second goroutine and at every point in turn.
type glimpse struct {
	context.Context
	mu    sync.Mutex
	looks int // before it ends
	done  chan struct{}
	timer *time.Timer // ends it if the store waits and looks no more
}

func (t *trial) endsAt(looks int) *glimpse { return endsAt(t.ctx, looks) }

func endsAt(ctx context.Context, looks int) *glimpse {
	g := &glimpse{Context: context.WithoutCancel(ctx), looks: looks, done: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = time.AfterFunc(patience, func() { g.end() })
	return g
}

// look counts one look, and reports whether the ctx has ended.
func (g *glimpse) look() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.looks--; g.looks == 0 {
		close(g.done)
	}
	return g.looks <= 0
}

// end ends the ctx if it has not ended, and reports whether it had.
func (g *glimpse) end() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer.Stop()
	ended := g.looks <= 0
	if g.looks = 0; !ended {
		close(g.done)
	}
	return ended
}

func (g *glimpse) Done() <-chan struct{} {
	g.look()
	return g.done
}

func (g *glimpse) Err() error {
	if g.look() {
		return context.Canceled
	}
	return nil
}

// patience is how long a call may wait for others. A store that forgets a call fails the
// case instead of stopping it.
const patience = 30 * time.Second
