package lease

import (
	"context"

	"github.com/ration-go/ration/store"
)

// setRemaining gives back everything that is leased of the subjects of c before c is
// carried out.
func (l *Counter) setRemaining(ctx context.Context, c *store.Charge) error {
	return l.bare(ctx, c, func(*payers) {}, func(set *payers, err error) { l.learn(c, set, err) })
}

// move gives back everything that is leased of both subjects before the one is moved to
// the other. Meanwhile the inner Counter decides their charges, since what the accounts
// decided then would be lost with them.
func (l *Counter) move(ctx context.Context, c *store.Charge) error {
	var retired []*account
	err := l.bare(ctx, c, func(set *payers) { retired = l.retire(set) }, func(*payers, error) {})
	if err != nil {
		l.mu.Lock()
		l.unsettled = append(l.unsettled, retired...) // they may hold something yet
		l.mu.Unlock()
		return err
	}
	l.leaveClosed(ctx, c.Parts[0].Subject)
	return nil
}

// leaveClosed closes the account that a subject has got while it was moved, and that
// still decides by what it heard before. If that fails, it is tried again later.
func (l *Counter) leaveClosed(ctx context.Context, subject string) {
	if a := l.accounts.find(l.accounts.hash(subject), subject); a != nil {
		_ = l.closeAccount(ctx, a)
	}
}

// retire removes accounts, and returns them.
func (l *Counter) retire(set *payers) (retired []*account) {
	set.lock()
	defer set.unlock()
	for _, a := range set.order[:set.n] {
		if !a.gone {
			l.remove(a)
			retired = append(retired, a)
		}
	}
	return retired
}

// bare lets the inner Counter carry out c while nothing is leased of its subjects. It
// calls before when it has seized their accounts, and then with the answer and the locks.
func (l *Counter) bare(ctx context.Context, c *store.Charge, before func(*payers), then func(*payers, error)) error {
	var set payers
	for i := range c.Parts {
		subject := c.Parts[i].Subject
		if a := l.accounts.find(l.accounts.hash(subject), subject); a != nil {
			set.of[i] = a
			set.insert(a)
		}
	}
	if set.none() {
		return l.inner.Take(ctx, c)
	}
	if err := l.seizeSet(ctx, &set); err != nil {
		return err
	}
	defer l.releaseSet(&set)
	before(&set)
	if err := l.settleAll(ctx, &set, giveBack); err != nil {
		return notTaken(err)
	}
	set.lock()
	set.start(c, l.clock.read(c.At).bucket, true)
	set.unlock()
	err := l.ask(ctx, c, &set)
	then(&set, err)
	set.unlock()
	return err
}
