package storetest

import (
	"context"
	"sync"
	"time"
)

// wait lets others run: in a bubble of testing/synctest, until all of them wait.
func wait() { time.Sleep(time.Nanosecond) }

// overlay keeps what a flawed directory shows in place of the truth, by ID.
type overlay[T any] struct {
	mu sync.Mutex
	of map[string]T
}

func (o *overlay[T]) set(id string, v T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[string]T{}
	}
	o.of[id] = v
}

func (o *overlay[T]) unset(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.of, id)
}

func (o *overlay[T]) get(id string) (v T, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok = o.of[id]
	return v, ok
}

func (o *overlay[T]) has(id string) bool {
	_, ok := o.get(id)
	return ok
}

// kept is a ctx for the rest of a change that has begun.
func kept(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
