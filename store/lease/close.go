package lease

import (
	"context"
	"errors"
	"sync"
)

// Close gives back what was not spent, and charges what was spent and is not yet charged.
// It waits for the settlements under way. From its beginning on, every charge goes to the
// inner Counter, exactly. Until Close has given back what was leased of a subject, these
// units count as used, and what was spent and is not yet charged does not. So let the
// requests of a service end before Close.
//
// After an error, Close may be called again: it tries again what has not happened.
func (l *Counter) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed.Store(true)
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.mu.Unlock()

	ended := make(chan struct{})
	go func() {
		l.working.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	accounts := append(l.unsettled, l.accounts.all()...)
	l.unsettled = nil
	l.mu.Unlock()
	return each(accounts, func(a *account) error { return l.closeAccount(ctx, a) })
}

// closeAccount settles an account in which nothing is decided any more. If that fails,
// the Counter keeps the account, to try again.
func (l *Counter) closeAccount(ctx context.Context, a *account) error {
	a.mu.Lock()
	l.remove(a)
	a.mu.Unlock()
	err := l.acquire(ctx, a)
	if err == nil {
		err = l.settle(ctx, a, giveBack)
		l.release(a)
	}
	if err != nil {
		l.mu.Lock()
		l.unsettled = append(l.unsettled, a)
		l.mu.Unlock()
	}
	return err
}

// each calls do for every account, for some at a time. It returns the first errors: many
// fail for one reason.
func each(accounts []*account, do func(a *account) error) error {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
		slot = make(chan struct{}, atOnce)
	)
	for _, a := range accounts {
		slot <- struct{}{}
		all.Go(func() {
			defer func() { <-slot }()
			if err := do(a); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs[:min(len(errs), 3)]...)
}

// atOnce bounds how many accounts are given back at a time.
const atOnce = 16
