package memory_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// A reloading is a store that is saved and loaded again between its calls.
type reloading struct {
	t     testing.TB
	mu    sync.Mutex
	s     *memory.Store
	calls int
	every int
}

func newReloading(t testing.TB, every int) *reloading {
	return &reloading{t: t, s: memory.New(memory.Config{}), every: every}
}

// do calls f with the store, which no other goroutine uses meanwhile.
func (r *reloading) do(f func(*memory.Store) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls++; r.calls%r.every == 0 {
		r.s = reload(r.t, r.s)
	}
	return f(r.s)
}

// reload saves a store and loads it.
func reload(t testing.TB, s *memory.Store) *memory.Store {
	path := filepath.Join(t.TempDir(), "saved")
	if err := s.Save(path); err != nil {
		t.Error(err)
		return s
	}
	again, err := memory.Load(path, memory.Config{})
	if err != nil {
		t.Error(err)
		return s
	}
	return again
}

func (r *reloading) Take(ctx context.Context, c *store.Charge) error {
	return r.do(func(s *memory.Store) error { return s.Take(ctx, c) })
}

func (r *reloading) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	return r.do(func(s *memory.Store) error { return s.Peek(ctx, at, subjects, meters, levels, last) })
}

func (r *reloading) InsertKey(ctx context.Context, k apikey.Key) error {
	return r.do(func(s *memory.Store) error { return s.InsertKey(ctx, k) })
}

func (r *reloading) Key(ctx context.Context, id string) (k apikey.Key, err error) {
	return k, r.do(func(s *memory.Store) error { k, err = s.Key(ctx, id); return err })
}

func (r *reloading) KeyByDigest(ctx context.Context, d apikey.Digest) (k apikey.Key, err error) {
	return k, r.do(func(s *memory.Store) error { k, err = s.KeyByDigest(ctx, d); return err })
}

func (r *reloading) UpdateKey(ctx context.Context, k apikey.Key) error {
	return r.do(func(s *memory.Store) error { return s.UpdateKey(ctx, k) })
}

func (r *reloading) DeleteKey(ctx context.Context, id string) error {
	return r.do(func(s *memory.Store) error { return s.DeleteKey(ctx, id) })
}

func (r *reloading) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) (page []apikey.Key, next string, err error) {
	return page, next, r.do(func(s *memory.Store) error { page, next, err = s.Keys(ctx, f, cursor, limit); return err })
}

func (r *reloading) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return r.do(func(s *memory.Store) error { return s.InsertPlan(ctx, p) })
}

func (r *reloading) Plan(ctx context.Context, id string) (p usageplan.Plan, err error) {
	return p, r.do(func(s *memory.Store) error { p, err = s.Plan(ctx, id); return err })
}

func (r *reloading) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return r.do(func(s *memory.Store) error { return s.UpdatePlan(ctx, p) })
}

func (r *reloading) DeletePlan(ctx context.Context, id string, version int64) error {
	return r.do(func(s *memory.Store) error { return s.DeletePlan(ctx, id, version) })
}

func (r *reloading) Plans(ctx context.Context, cursor string, limit int) (page []usageplan.Plan, next string, err error) {
	return page, next, r.do(func(s *memory.Store) error { page, next, err = s.Plans(ctx, cursor, limit); return err })
}

func (r *reloading) InsertLink(ctx context.Context, l usageplan.Link) error {
	return r.do(func(s *memory.Store) error { return s.InsertLink(ctx, l) })
}

func (r *reloading) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return r.do(func(s *memory.Store) error { return s.UpdateLink(ctx, l) })
}

func (r *reloading) DeleteLink(ctx context.Context, planID, keyID string) error {
	return r.do(func(s *memory.Store) error { return s.DeleteLink(ctx, planID, keyID) })
}

func (r *reloading) KeyLinks(ctx context.Context, keyID string) (links []usageplan.Link, err error) {
	return links, r.do(func(s *memory.Store) error { links, err = s.KeyLinks(ctx, keyID); return err })
}

func (r *reloading) PlanLinks(ctx context.Context, planID, cursor string, limit int) (page []usageplan.Link, next string, err error) {
	return page, next, r.do(func(s *memory.Store) error { page, next, err = s.PlanLinks(ctx, planID, cursor, limit); return err })
}

func (r *reloading) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return r.do(func(s *memory.Store) error { return s.InsertGroup(ctx, g) })
}

func (r *reloading) Group(ctx context.Context, id string) (g usageplan.Group, err error) {
	return g, r.do(func(s *memory.Store) error { g, err = s.Group(ctx, id); return err })
}

func (r *reloading) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return r.do(func(s *memory.Store) error { return s.UpdateGroup(ctx, g) })
}

func (r *reloading) DeleteGroup(ctx context.Context, id string, version int64) error {
	return r.do(func(s *memory.Store) error { return s.DeleteGroup(ctx, id, version) })
}

func (r *reloading) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) (page []usageplan.Group, next string, err error) {
	return page, next, r.do(func(s *memory.Store) error { page, next, err = s.Groups(ctx, f, cursor, limit); return err })
}

// TestReloadedStore runs the suites of every contract on a store that is saved and loaded
// between its calls.
func TestReloadedStore(t *testing.T) {
	longtest.Only(t)
	t.Run("counter", func(t *testing.T) {
		storetest.TestCounter(t, storetest.Harness{New: func(t testing.TB) store.Counter { return newReloading(t, 19) }, Bubble: synctest.Test})
	})
	t.Run("keys", func(t *testing.T) {
		storetest.TestKeys(t, storetest.Directory[apikey.Store]{New: func(t testing.TB) apikey.Store { return newReloading(t, 3) }})
	})
	t.Run("plans", func(t *testing.T) {
		storetest.TestPlans(t, storetest.Directory[usageplan.Store]{New: func(t testing.TB) usageplan.Store { return newReloading(t, 3) }})
	})
}
