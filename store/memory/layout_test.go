package memory

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// need64Bit skips a test of sizes, which are chosen for words of 64 bits.
func need64Bit(t *testing.T) {
	t.Helper()
	if strconv.IntSize != 64 {
		t.Skip("the sizes hold for words of 64 bits")
	}
}

// TestCacheLines checks what the speed of a decision depends on: shards share no cache
// lines, and accounts stay small.
func TestCacheLines(t *testing.T) {
	need64Bit(t)
	require.Zero(t, unsafe.Sizeof(shard{})%64)
	require.EqualValues(t, 64, unsafe.Offsetof(shard{}.index))
	require.EqualValues(t, 96, unsafe.Sizeof(account{}))
}

// TestSlabAlignment checks that the allocator puts full slabs at the beginning of a cache
// line.
func TestSlabAlignment(t *testing.T) {
	need64Bit(t)
	sh := &New(Config{}).shards[0]
	for range 10 * slabSize {
		sh.allocSlot()
	}
	for slot := uint32(0); slot < sh.slots; slot += 2 {
		require.Zero(t, uintptr(unsafe.Pointer(sh.account(slot)))%64)
	}
}

// waitForGC runs the garbage collector until done reports true.
func waitForGC(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, func() bool { runtime.GC(); return done() }, 20*time.Second, time.Millisecond)
}

func (ls *layouts) count() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.live)
}

// TestLayouts charges subjects of three plans day after day, in windows that are kept or
// not, and counts the layouts that are left.
func TestLayouts(t *testing.T) {
	const plans, hour = 3, 60 * 60
	for name, test := range map[string]struct {
		keep time.Duration
		op   store.Op
		want []int // layouts after each day
	}{
		"unused layouts are dropped":            {0, store.Spend, []int{plans, plans, plans}},
		"an ended window keeps its layout":      {1000 * time.Hour, store.Spend, []int{plans, 2 * plans, 3 * plans}},
		"extended windows do not share layouts": {0, store.SetRemaining, []int{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s, of := New(Config{}), map[*layout]int{}
			for d, want := range test.want {
				at := time.Unix(int64(d+1)*hour, 0)
				for i := range 10 * plans {
					m := store.Meter{Name: "quota", Max: int64(10 + i%plans), Start: at.Unix(), End: at.Unix() + hour, Keep: test.keep}
					c := store.NewCharge(strconv.Itoa(i), 5, m)
					c.Op, c.At = test.op, at
					require.NoError(t, s.Take(t.Context(), c))
				}
				waitForGC(t, func() bool { return s.layouts.count() == want })
			}
			for i := range s.shards {
				for slot := range s.shards[i].slots {
					of[s.shards[i].account(slot).layout]++
				}
			}
			if test.op == store.SetRemaining {
				require.Len(t, of, 10*plans)
				return
			}
			require.Len(t, of, plans)
		})
	}
}

// TestLayoutsCollectedWhileShared has layouts of the same fields collected and made
// again, while other goroutines ask for them. Goroutines that hold one at the same time
// hold the same one.
func TestLayoutsCollectedWhileShared(t *testing.T) {
	ls := newLayouts()
	draft := func(i int) []field { return []field{{Meter: store.Meter{Name: "m", Max: int64(i % 4)}}} }
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 20_000 {
				l := ls.share(draft(i), 1)
				if i%4 == 0 && l != ls.share(draft(i), 1) {
					t.Error("two live layouts of the same meters")
				}
				if i%500 == 0 {
					runtime.GC()
				}
				runtime.KeepAlive(l)
			}
		})
	}
	wg.Wait()
	last := ls.share(draft(1), 1)
	waitForGC(t, func() bool { return ls.count() == 1 })
	require.Same(t, last, ls.share(draft(1), 1))
	runtime.KeepAlive(last)
}

// TestStoreCollected checks that nothing keeps a Store alive that its caller has dropped.
func TestStoreCollected(t *testing.T) {
	s := New(Config{})
	require.NoError(t, s.Take(t.Context(), &store.Charge{Parts: []store.Part{store.NewPart("a", 1, store.Meter{Name: "m", Max: 1})}}))
	p := weak.Make(s)
	s = nil
	waitForGC(t, func() bool { return p.Value() == nil })
}

// TestLayoutsOfSoftMeters charges subjects of one plan, hard and soft. Soft belongs to
// the charge, so they share a layout, and a soft charge changes no layout.
func TestLayoutsOfSoftMeters(t *testing.T) {
	s := New(Config{})
	for i := range 20 {
		m := store.Meter{Name: "day", Max: 2, End: 86400, Soft: i%2 == 0}
		c := store.NewCharge(strconv.Itoa(i%10), 1, m)
		require.NoError(t, s.Take(t.Context(), c))
		require.Equal(t, 1, s.layouts.count())
	}
}
