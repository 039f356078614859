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

// sixtyFour skips a test of sizes, which are chosen for words of 64 bits.
func sixtyFour(t *testing.T) {
	t.Helper()
	if strconv.IntSize != 64 {
		t.Skip("sizes are chosen for words of 64 bits")
	}
}

// TestLines holds what the speed of a decision rests on: that shards do not share cache
// lines, and accounts stay small.
func TestLines(t *testing.T) {
	sixtyFour(t)
	require.Zero(t, unsafe.Sizeof(shard{})%64)
	require.EqualValues(t, 64, unsafe.Offsetof(shard{}.index))
	require.EqualValues(t, 128, unsafe.Offsetof(shard{}.next))
	require.EqualValues(t, 96, unsafe.Sizeof(account{}))
}

// TestAligned holds where the allocator puts the accounts of full slabs.
func TestAligned(t *testing.T) {
	sixtyFour(t)
	sh := &New(Config{}).shards[0]
	for range 10 * slabSize {
		sh.allocSlot()
	}
	for slot := uint32(0); slot < sh.slots; slot += 2 {
		require.Zero(t, uintptr(unsafe.Pointer(sh.account(slot)))%64)
	}
}

// collected waits until the collector has done what makes it true.
func collected(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, func() bool { runtime.GC(); return done() }, 20*time.Second, time.Millisecond)
}

func (ls *layouts) count() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.live)
}

// TestLayouts plays days, on each of which subjects of three plans are charged, in
// windows that are kept or not, and counts the layouts that are left.
func TestLayouts(t *testing.T) {
	const plans, hour = 3, 60 * 60
	for name, test := range map[string]struct {
		keep time.Duration
		set  bool  // the remaining use
		want []int // layouts after each day
	}{
		"what nobody has any more is dropped":     {0, false, []int{plans, plans, plans}},
		"what an ended window refers to is there": {1000 * time.Hour, false, []int{plans, 2 * plans, 3 * plans}},
		"one subject's extensions are its own":    {0, true, []int{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s, of := New(Config{}), map[*layout]int{}
			for d, want := range test.want {
				at := time.Unix(int64(d+1)*hour, 0)
				for i := range 10 * plans {
					c := store.Charge{Subject: strconv.Itoa(i), At: at, SetRemaining: test.set, N: store.Each(5), Meters: []store.Meter{
						{Name: "quota", Max: int64(10 + i%plans), Start: at.Unix(), End: at.Unix() + hour, Keep: test.keep},
					}}
					require.NoError(t, s.Take(t.Context(), &c))
				}
				collected(t, func() bool { return s.layouts.count() == want })
			}
			for i := range s.shards {
				for slot := range s.shards[i].slots {
					of[s.shards[i].account(slot).layout]++
				}
			}
			if test.set {
				require.Len(t, of, 10*plans)
				return
			}
			require.Len(t, of, plans)
		})
	}
}

// TestLayoutsReborn has layouts of the same meters die and come again, while others look
// for them: those who have one at a time have the same.
func TestLayoutsReborn(t *testing.T) {
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
	collected(t, func() bool { return ls.count() == 1 })
	require.Same(t, last, ls.share(draft(1), 1))
	runtime.KeepAlive(last)
}

// TestCollected: nothing keeps a Store that its caller has dropped.
func TestCollected(t *testing.T) {
	s := New(Config{})
	require.NoError(t, s.Take(t.Context(), &store.Charge{Subject: "a", Meters: []store.Meter{{Name: "m", Max: 1}}, N: store.Each(1)}))
	p := weak.Make(s)
	s = nil
	collected(t, func() bool { return p.Value() == nil })
}
