package lease

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// Peek implements store.Peeker. What is leased by this Counter and not spent does not
// count as used. What others have leased does: see store.LeasedSubject. Only ctx bounds
// it, since a report may take long.
func (l *Counter) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	accounts := l.accountsOf(subjects)
	if len(accounts) == 0 || l.closed.Load() {
		return store.Peek(ctx, l.inner, at, subjects, meters, levels, last)
	}
	order := make([]*account, 0, len(accounts))
	for _, a := range accounts {
		order = append(order, a)
	}
	slices.SortFunc(order, func(a, b *account) int { return cmp.Compare(a.number, b.number) })
	if last != nil {
		if err := l.flush(ctx, order); err != nil {
			return err
		}
	}
	before := make([]int64, len(order))
	for try := 0; ; try++ {
		if err := l.awaitSettlements(ctx, order); err != nil {
			return err
		}
		for i, a := range order {
			before[i] = a.ended()
		}
		if err := store.Peek(ctx, l.inner, at, subjects, meters, levels, last); err != nil {
			return err
		}
		if l.showPeek(accounts, order, before, at, subjects, meters, levels, try == maxReads) {
			return nil
		}
	}
}

// ended returns how many settlements have ended.
func (a *account) ended() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.epoch
}

// showPeek makes the levels of the inner Counter those of this process. It reports false
// if there was a settlement meanwhile, unless force is set: see read.
func (l *Counter) showPeek(accounts map[string]*account, order []*account, before []int64, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, force bool) bool {
	t := l.clock.read(at)
	for _, a := range order {
		a.mu.Lock()
		defer a.mu.Unlock()
	}
	mixed := map[*account]bool{}
	for i, a := range order {
		if a.settling != nil || a.epoch != before[i] {
			if !force {
				return false
			}
			mixed[a] = true
		}
	}
	for s, subject := range subjects {
		of, isCount := store.CutLeased(subject)
		switch a := accounts[of]; {
		case a == nil || a.gone:
		case isCount:
			a.showCounts(meters, levels[s*len(meters):])
		default:
			a.showAll(meters, levels[s*len(meters):], mixed[a], t)
		}
	}
	return true
}

// accountsOf returns the accounts of those subjects that have one, and of those whose
// counts are asked for.
func (l *Counter) accountsOf(subjects []string) map[string]*account {
	var found map[string]*account
	for _, subject := range subjects {
		subject, _ = store.CutLeased(subject)
		if a := l.accounts.find(l.accounts.hash(subject), subject); a != nil {
			if found == nil {
				found = map[string]*account{}
			}
			found[subject] = a
		}
	}
	return found
}

// showAll makes levels of the inner Counter's those of this process. If they are mixed,
// what the account knows is the answer.
func (a *account) showAll(meters []store.Meter, levels []store.Level, mixed bool, t instant) {
	a.drain()
	for i := range meters {
		x, l := &meters[i], &levels[i]
		m := a.meter(x, i)
		switch {
		case m == nil:
		case mixed && m.known:
			_, *l, _ = m.state.Take(x, t.wall, t.bucket, 0)
		case m.avail != 0:
			s := m.seen(x, l, t.bucket)
			_, *l, _ = s.Take(x, t.wall, t.bucket, 0)
		}
	}
}
