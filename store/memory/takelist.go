package memory

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

// TakeList implements store.ListTaker. It decides about a subject whose account has the
// meters of the list in its first cells, in the order of the list, as nearly every
// account of a plan does.
func (s *Store) TakeList(ctx context.Context, subject string, place uint64, list *store.MeterList, at time.Time, since time.Duration, n []int64) (st store.Standing, ok, decided bool) {
	sh := s.shardAt(place)
	if sh == nil || at.IsZero() || len(n) != len(list.Meters()) || ctx.Err() != nil {
		return st, false, false
	}
	st.At, st.Now = s.microsAfter(at, since)
	sh.mu.Lock()
	if a := sh.accountAt(subject, place); a != nil && sh.knows(a.layout, list) {
		ok, decided = a.takeList(&st, list, n)
	}
	sh.mu.Unlock()
	return st, ok, decided
}

// takeList charges the meters of a list that a's layout has.
func (a *account) takeList(st *store.Standing, list *store.MeterList, n []int64) (ok, decided bool) {
	st.Cells = a.cells
	if list.Take(st, n) {
		a.cells = st.Cells
		return true, true
	}
	st.Cells = a.cells
	for _, n := range n {
		if n < 0 {
			return false, false
		}
	}
	return false, true
}

// knows reports whether the first fields of l are the meters of the list, in the same
// cells. It compares them once, and then recognizes the list by its pointer. The layout
// keeps the list, so no other list can get its address.
func (sh *shard) knows(l *layout, list *store.MeterList) bool {
	return l.list.Load() == list || sh.learn(l, list)
}

// relearnEvery bounds how often a layout changes the list that it knows. Two Gates over
// one Store may have a list each of the same meters. If each of their decisions changed
// the list, the cache line of the layout would move from core to core.
const relearnEvery = 64

// learn compares the meters, and notes the list if they are the same.
func (sh *shard) learn(l *layout, list *store.MeterList) bool {
	meters := list.Meters()
	if len(meters) > len(l.fields) {
		return false
	}
	for i := range meters {
		if f := &l.fields[i]; !f.sameMeter(&meters[i]) || f.extra != 0 || f.cell != list.Cell(i) {
			return false
		}
	}
	sh.compared++
	if l.list.Load() == nil || sh.compared%relearnEvery == 0 {
		l.list.Store(list)
	}
	return true
}
