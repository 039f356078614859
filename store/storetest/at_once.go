package storetest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// crowded is how many callers make one change of a directory at once.
const crowded = 8

// failing returns the failure or the panic that ended f, if any.
func failing(f func()) error {
	return caught(func() error { f(); return nil })
}

// fails ends the case with the errors of its goroutines, if there are any.
func (v *visit) fails(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(failure{err})
	}
}

// ends makes a call with a ctx that ends when the store has looked at it so many times.
func (v *visit) ends(looks int, call func(ctx context.Context) error) error {
	ctx := endsAt(v.ctx, looks)
	defer ctx.end()
	return call(ctx)
}

// whole checks a change that returned err: made fails unless all of it was made, and
// unmade unless nothing was. After an error a change may still be under way for a moment.
func (v *visit) whole(err error, made, unmade func()) {
	if err == nil {
		made()
		return
	}
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		is, isNot := failing(made), failing(unmade)
		for _, err := range []error{is, isNot} {
			if errors.As(err, new(panicked)) {
				v.fails(err)
			}
		}
		if is == nil || isNot == nil {
			return
		}
		if time.Now().After(deadline) {
			v.failf("after the error %v, the change was neither made nor not made\nmade: %v\nnot made: %v", err, is, isNot)
		}
	}
}

// meanwhile makes changes in one goroutine. Two others look until it has made them all.
func (v *visit) meanwhile(changes int, change func(i int), look func()) {
	v.skipAfterPanic()
	var wg sync.WaitGroup
	done := make(chan struct{})
	var errs [3]error
	wg.Go(func() {
		defer close(done)
		errs[0] = failing(func() {
			for i := range changes {
				change(i)
			}
		})
	})
	for i := range 2 {
		wg.Go(func() {
			for errs[1+i] == nil {
				errs[1+i] = failing(look)
				select {
				case <-done:
					return
				case <-time.After(time.Nanosecond): // in a bubble, time passes for the changes
				}
			}
		})
	}
	wg.Wait()
	v.fails(errs[:]...)
}
