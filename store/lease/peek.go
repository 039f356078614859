package lease

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// Peek implements store.Peeker. What is leased by this Counter and not spent does not
// count as used. What others have leased does: see store.LeasedSubject. Only ctx bounds
// it, since a report may take long.
func (l *Counter) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	p := peek{l, at, subjects, meters, levels, last}
	for try := 0; ; try++ {
		if done, err := p.once(ctx, try); done || err != nil {
			return err
		}
	}
}

// peek is a call of Peek.
type peek struct {
	l        *Counter
	at       time.Time
	subjects []string
	meters   []store.Meter
	levels   []store.Level
	last     []int64
}

// once asks the inner Counter. It reports false if the answer does not count, because
// there was a settlement meanwhile. After some tries no settlement can begin: see read.
func (p *peek) once(ctx context.Context, try int) (done bool, err error) {
	l := p.l
	accounts := l.accountsOf(p.subjects)
	if len(accounts) == 0 || l.closed.Load() {
		err := store.Peek(ctx, l.inner, p.at, p.subjects, p.meters, p.levels, p.last)
		return try >= maxWaits || len(l.accountsOf(p.subjects)) == 0, err
	}
	order := slices.SortedFunc(maps.Values(accounts), func(a, b *account) int { return cmp.Compare(a.number, b.number) })
	if p.last != nil {
		if err := l.flush(ctx, order); err != nil {
			return false, err
		}
	}
	wait := l.awaitSettlements
	if try >= maxReads {
		wait = l.acquireAll
	}
	if err := wait(ctx, order); err != nil {
		return false, err
	}
	if try >= maxReads {
		defer l.releaseAll(order)
	}
	before := make([]int64, len(order))
	for i, a := range order {
		before[i] = a.ended()
	}
	if err := store.Peek(ctx, l.inner, p.at, p.subjects, p.meters, p.levels, p.last); err != nil {
		return false, err
	}
	return p.show(accounts, order, before, try), nil
}

// ended returns how many settlements that changed what is leased have ended.
func (a *account) ended() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.epoch
}

// show makes the levels of the inner Counter those of this process. It reports false if
// there was a settlement meanwhile, or if other accounts are there now.
func (p *peek) show(accounts map[string]*account, order []*account, before []int64, try int) bool {
	if try < maxWaits && !maps.Equal(accounts, p.l.accountsOf(p.subjects)) {
		return false
	}
	for _, a := range order {
		a.mu.Lock()
		defer a.mu.Unlock()
	}
	for i, a := range order {
		if try < maxReads && a.settling != nil || try < maxWaits && (a.moving > 0 || a.epoch != before[i]) {
			return false
		}
	}
	t := p.l.clock.read(p.at)
	for s, subject := range p.subjects {
		of, isCount := store.CutLeased(subject)
		levels := p.levels[s*len(p.meters):]
		switch a := accounts[of]; {
		case a == nil || a.gone:
		case isCount:
			a.showCounts(p.meters, levels)
		default:
			a.showAll(p.meters, levels, t)
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

// showAll makes levels of the inner Counter's those of this process.
func (a *account) showAll(meters []store.Meter, levels []store.Level, t instant) {
	a.drain()
	for i := range meters {
		x, l := &meters[i], &levels[i]
		if m := a.meter(x, i); m != nil && m.avail != 0 {
			s := m.seen(x, l, t.bucket)
			_, *l, _ = s.Take(x, t.wall, t.bucket, 0)
		}
	}
}
