package lease

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

// TakeList implements store.ListTaker. It decides what the pool of the subject can.
func (l *Counter) TakeList(ctx context.Context, subject string, _ uint64, list *store.MeterList, at time.Time, since time.Duration, n []int64) (s store.Standing, ok, decided bool) {
	a := l.accounts.find(l.accounts.hash(subject), subject)
	if a == nil {
		return s, false, false
	}
	p := a.pool.Load()
	if p == nil || !p.knows(list) || len(n) != len(p.meters) || ctx.Err() != nil {
		return s, false, false
	}
	for i := range n {
		if n[i] != n[0] {
			return s, false, false
		}
	}
	left, ok := p.take(l, a, n[0])
	if !ok {
		return s, false, false
	}
	s.At, s.Now = l.clock.quick(at.Add(since))
	for i := range p.meters {
		p.stand(i, left, list.Cell(i), &s)
	}
	return s, true, true
}

// knows reports whether p is for the meters of a list, whose windows have not been
// extended: a Standing has no room for that. It compares them once.
func (p *pool) knows(list *store.MeterList) bool {
	return p.list.Load() == list || p.learn(list)
}

func (p *pool) learn(list *store.MeterList) bool {
	meters := list.Meters()
	if len(meters) != len(p.meters) {
		return false
	}
	for i := range meters {
		if meters[i] != p.meters[i] || p.states[i].Window.Extra != 0 {
			return false
		}
	}
	p.list.Store(list)
	return true
}

// stand writes where the i-th meter stands to the cells of s.
func (p *pool) stand(i int, left int64, cell int, s *store.Standing) {
	m, state := &p.meters[i], &p.states[i]
	if m.IsWindow() {
		s.Cells[cell] = state.Window.Used + p.issued - left
		return
	}
	b := topUp(state.Bucket, m, left-p.issued)
	s.Cells[cell], s.Cells[cell+1], s.Cells[cell+2] = b.Tokens, b.Part, b.Last
}
