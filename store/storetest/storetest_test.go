package storetest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

// TestModel runs the suite on the reference counter, with each kind of clock that a store
// may have.
func TestModel(t *testing.T) {
	t.Run("clock=caller", func(t *testing.T) {
		TestCounter(t, Harness{New: func(testing.TB) store.Counter { return newModel() }})
	})
	t.Run("clock=bubble", func(t *testing.T) {
		TestCounter(t, Harness{New: func(testing.TB) store.Counter { return newModel() }, Bubble: synctest.Test})
	})
	t.Run("clock=moved", func(t *testing.T) {
		var now int64
		TestCounter(t, Harness{
			New: func(testing.TB) store.Counter {
				m := newModel()
				now = time.Now().UnixMicro()
				m.clock = func() int64 { return now }
				return m
			},
			Advance: func(d time.Duration) { now += d.Microseconds() },
		})
	})
	plain := func(f *flawed, c *store.Charge) { f.model.take(c) }
	t.Run("reopen", func(t *testing.T) {
		TestCounter(t, onDisk(plain, func(f *flawed) map[key]store.State { return f.states })())
	})
	t.Run("peer", func(t *testing.T) {
		TestCounter(t, twice(func(i *instance, c *store.Charge) { i.model.take(c) })())
	})
	t.Run("full", func(t *testing.T) { TestCounter(t, inFull(func(*bounded) {})()) })
	t.Run("families apart", func(t *testing.T) { // as in a Redis Cluster
		make := severally(func(w *wider, c *store.Charge) error {
			if !oneFamily(c) {
				return apart()
			}
			return w.decide(c)
		})
		TestCounter(t, Harness{New: func(testing.TB) store.Counter { return make() }, Bubble: synctest.Test})
	})
	t.Run("no moves", func(t *testing.T) {
		make := moving(func(*wider, *store.Charge) error { return notTaken(errors.ErrUnsupported) })
		TestCounter(t, Harness{New: func(testing.TB) store.Counter { return make() }, Bubble: synctest.Test})
	})
	t.Run("clock=own", func(t *testing.T) {
		TestCounter(t, Harness{
			New: func(testing.TB) store.Counter {
				m := newModel()
				m.clock = func() int64 { return time.Now().UnixMicro() }
				return m
			},
			Slack: time.Second,
		})
	})
}

func BenchmarkModel(b *testing.B) {
	BenchmarkCounter(b, func(testing.TB) store.Counter { return newModel() })
}
