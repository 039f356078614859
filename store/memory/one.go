package memory

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// TakeOne implements store.OneTaker. A bucket that was charged before takes the straight
// way.
func (s *Store) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (l store.Level, ok bool, err error) {
	if m.IsWindow() || n < 0 || ctx.Err() != nil {
		return s.whole.TakeOne(ctx, subject, m, at, n)
	}
	now := s.micros(at)
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	if a := sh.find(hash, subject); a != nil {
		if h := a.layout.exactly(m); h != nil {
			l, ok = a.takeBucket(h, now, n)
			sh.mu.Unlock()
			return l, ok, nil
		}
	}
	sh.mu.Unlock()
	return s.whole.TakeOne(ctx, subject, m, at, n)
}

// exactly is the held meter that has the name and the figures of m, which were sound when
// it was charged; nil: none has.
func (l *layout) exactly(m *store.Meter) *held {
	for i := range l.held {
		if h := &l.held[i]; h.equals(m) {
			return h
		}
	}
	return nil
}

func (a *account) takeBucket(h *held, now, n int64) (l store.Level, ok bool) {
	b, l, ok := a.bucket(h).Take(&h.Meter, now, n)
	if ok && n > 0 {
		a.store(h.cell, &b)
	}
	return l, ok
}

// whole is a Store without its short ways.
type whole struct{ store *Store }

// Take implements store.Counter.
func (w whole) Take(ctx context.Context, c *store.Charge) error { return w.store.Take(ctx, c) }
