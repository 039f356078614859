package memory

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// TakeOne implements store.OneTaker. A bucket that was charged before takes the fast
// path.
func (s *Store) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (l store.Level, ok bool, err error) {
	if m.IsWindow() || n < 0 || ctx.Err() != nil {
		return s.slowPath.TakeOne(ctx, subject, m, at, n)
	}
	now := s.micros(at)
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift] // right for all but members of a family
	sh.mu.Lock()
	if a := sh.find(hash, subject); a != nil {
		if f := a.layout.findSameMeter(m); f != nil {
			ok = a.takeBucket(f, m, now, n, &l)
			sh.mu.Unlock()
			return l, ok, nil
		}
	}
	sh.mu.Unlock()
	return s.slowPath.TakeOne(ctx, subject, m, at, n)
}

func (a *account) takeBucket(f *field, m *store.Meter, now, n int64, l *store.Level) (ok bool) {
	cells := a.bucketCells(f.cell)
	b := bucketOf(cells, f)
	if ok = b.Spend(m, now, n, l); ok && n > 0 {
		setBucket(cells, &b)
	}
	return ok
}

// A slowPath is a Store with Take and without TakeOne, so that store.One makes a OneTaker
// of it that builds a Charge.
type slowPath struct{ store *Store }

// Take implements store.Counter.
func (p slowPath) Take(ctx context.Context, c *store.Charge) error { return p.store.Take(ctx, c) }
