package memory_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

var _ interface {
	store.Counter
	store.Peeker
	store.Local
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	usageplan.Notifier
	usageplan.AccessReader
} = (*memory.Store)(nil)

func TestKeys(t *testing.T) { storetest.TestKeys(t, directory(asKeys)) }

func TestPlans(t *testing.T) { storetest.TestPlans(t, directory(asPlans)) }

func asKeys(s *memory.Store) apikey.Store     { return s }
func asPlans(s *memory.Store) usageplan.Store { return s }

// directory returns a harness of Stores that are saved and loaded.
func directory[S any](as func(s *memory.Store) S) storetest.Directory[S] {
	var last *memory.Store
	open := func(s *memory.Store) S { last = s; return as(s) }
	return storetest.Directory[S]{
		New:    func(testing.TB) S { return open(memory.New(memory.Config{})) },
		Reopen: func(t testing.TB) S { return open(reload(t, last)) },
	}
}

// fill returns a store with n keys. The i-th has the digest of the text of i.
func fill(tb testing.TB, n int) *memory.Store {
	s := memory.New(memory.Config{})
	for i := range n {
		k := apikey.Key{ID: id(i), Name: fmt.Sprintf("key %d", i), Digest: apikey.DigestOf(fmt.Sprint(i)), Version: 1}
		if err := s.InsertKey(tb.Context(), k); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func id(i int) string { return fmt.Sprintf("id%07d", i) }

// TestNarrowFilter walks through many keys to find few. No page looks at more than 1,000.
func TestNarrowFilter(t *testing.T) {
	s := fill(t, 4500)
	for prefix, want := range map[string]struct{ keys, pages int }{
		"key 7":    {1 + 10 + 100, 5}, // 7, 70 to 79, 700 to 799
		"key 4499": {1, 5},
		"key 0":    {1, 5},
		"nothing":  {0, 5},
		"":         {4500, 5},
	} {
		keys, pages := 0, 0
		for cursor, next := "", "?"; next != ""; cursor = next {
			var page []apikey.Key
			var err error
			page, next, err = s.Keys(t.Context(), apikey.Filter{NamePrefix: prefix}, cursor, 1<<30)
			require.NoError(t, err)
			keys += len(page)
			pages++
		}
		require.Equal(t, want, struct{ keys, pages int }{keys, pages}, prefix)
	}
}

// TestListing lists keys while others are inserted and deleted. The deletions come in
// bursts that leave long rows of deleted items, and are enough to compact the list. A key
// that exists throughout is listed once, in order.
func TestListing(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := fill(t, 3000)
		stays, born := map[string]bool{}, 3000
		for i := range born {
			stays[id(i)] = true
		}
		var listed []string
		for cursor, next := "", "?"; next != ""; cursor = next {
			var page []apikey.Key
			var err error
			page, next, err = s.Keys(t.Context(), apikey.Filter{}, cursor, 1+rnd.IntN(300))
			require.NoError(t, err)
			for _, k := range page {
				listed = append(listed, k.ID)
			}
			for from := rnd.IntN(born); rnd.IntN(3) > 0; from++ {
				for i := from; i < min(from+200, born); i++ {
					if s.DeleteKey(t.Context(), id(i)) == nil {
						delete(stays, id(i))
					}
				}
			}
			require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: id(born)}))
			born++
		}
		require.True(t, slices.IsSortedFunc(listed, func(a, b string) int { return strings.Compare(b, a) }), "seed %d", seed)
		require.Len(t, slices.Compact(slices.Clone(listed)), len(listed), "seed %d", seed)
		listed = slices.DeleteFunc(listed, func(id string) bool { return !stays[id] })
		require.Len(t, listed, len(stays), "seed %d", seed)
	}
}

// TestPageErrors passes cursors that no listing returned, and limits below 1. The error
// names each wrong argument.
func TestPageErrors(t *testing.T) {
	s, ctx := fill(t, 100), t.Context()
	require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: "plan"}))
	for _, test := range []struct {
		cursor string
		limit  int
		want   []string
	}{
		{"0", 1, []string{`cursor: "0"`}},
		{"1", 1, []string{`cursor: "1"`}}, // there is nothing before the first record
		{"02", 1, []string{`cursor: "02"`}},
		{"A", 1, []string{`cursor: "A"`}},
		{"zz", 1, []string{`cursor: "zz"`}}, // not given yet
		{"3w5e11264sgsg", 1, []string{"cursor: "}},
		{"", 0, []string{"limit: 0"}},
		{"?", -1, []string{`cursor: "?"`, "limit: -1"}},
	} {
		_, _, keys := s.Keys(ctx, apikey.Filter{}, test.cursor, test.limit)
		require.ErrorIs(t, keys, apikey.ErrInvalid, test.cursor)
		_, _, plans := s.Plans(ctx, test.cursor, test.limit)
		require.ErrorIs(t, plans, usageplan.ErrInvalid, test.cursor)
		_, _, links := s.PlanLinks(ctx, "plan", test.cursor, test.limit)
		require.ErrorIs(t, links, usageplan.ErrInvalid, test.cursor)
		_, _, groups := s.Groups(ctx, usageplan.GroupFilter{}, test.cursor, test.limit)
		require.ErrorIs(t, groups, usageplan.ErrInvalid, test.cursor)
		for _, want := range test.want {
			require.ErrorContains(t, keys, want)
			require.ErrorContains(t, plans, want)
			require.ErrorContains(t, links, want)
			require.ErrorContains(t, groups, want)
		}
	}
}

// TestDeletedFreesMemory deletes half of what it inserts. A deleted record takes no
// memory, except for its place in the order for a while.
func TestDeletedFreesMemory(t *testing.T) {
	ctx := t.Context()
	for name, churn := range map[string]func(s *memory.Store, i int) error{
		"keys": func(s *memory.Store, i int) error {
			if err := s.InsertKey(ctx, apikey.Key{ID: id(i), Description: strings.Repeat("x", 10_000)}); err != nil || i%2 == 0 {
				return err
			}
			return s.DeleteKey(ctx, id(i))
		},
		"groups": func(s *memory.Store, i int) error {
			if err := s.InsertGroup(ctx, usageplan.Group{ID: id(i), Name: strings.Repeat("x", 10_000)}); err != nil || i%2 == 0 {
				return err
			}
			return s.DeleteGroup(ctx, id(i), 0)
		},
		"links": func(s *memory.Store, i int) error {
			if err := s.InsertLink(ctx, usageplan.Link{PlanID: id(i), KeyID: strings.Repeat("x", 10_000)}); err != nil || i%2 == 0 {
				return err
			}
			return s.DeleteLink(ctx, id(i), strings.Repeat("x", 10_000))
		},
	} {
		s, n := memory.New(memory.Config{}), 1000
		before := heap()
		for i := range n {
			require.NoError(t, churn(s, i))
		}
		require.Less(t, float64(heap()-before), 1.2*10_000*float64(n/2), name)
		runtime.KeepAlive(s)
	}
	plans := memory.New(memory.Config{})
	before := heap()
	for i := range 20_000 {
		require.NoError(t, plans.InsertLink(ctx, usageplan.Link{PlanID: id(i), KeyID: "key"}))
		require.NoError(t, plans.DeleteLink(ctx, id(i), "key"))
	}
	require.Less(t, int64(heap())-int64(before), int64(20_000), "lists of plans whose links were deleted")
	runtime.KeepAlive(plans)
}

// TestOnChange checks that a listener is called at once, and is not called after stop has
// returned while another goroutine makes changes.
func TestOnChange(t *testing.T) {
	s := memory.New(memory.Config{})
	var heard []string
	s.OnChange(func(id string) { heard = append(heard, id) })()
	require.Equal(t, []string{""}, heard)

	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			if err := s.InsertKey(t.Context(), apikey.Key{ID: id(i)}); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 200 {
		var stopped atomic.Bool
		stop := s.OnChange(func(id string) {
			if stopped.Load() {
				t.Error("called after stop")
			}
			if _, err := s.Key(t.Context(), id); id != "" && err != nil {
				t.Error(err)
			}
		})
		stop()
		stopped.Store(true)
		stop() // a second call has no effect
	}
	<-done
}

// BenchmarkKeys reads a page from the middle of a listing. It costs the same however many
// keys there are.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s, ctx, middle := fill(b, n), b.Context(), ""
			for range n / 1000 {
				var err error
				if _, middle, err = s.Keys(ctx, apikey.Filter{}, middle, 500); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC() // the benchmark must not pay for the garbage of fill
			b.ReportAllocs()
			for b.Loop() {
				keys, _, err := s.Keys(ctx, apikey.Filter{}, middle, 100)
				if err != nil || len(keys) != 100 {
					b.Fatal(len(keys), err)
				}
			}
		})
	}
}

// BenchmarkKeyByDigest looks up a key that no Gate has cached, alone and in parallel.
func BenchmarkKeyByDigest(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		s, ctx := fill(b, n), b.Context()
		digests := make([]apikey.Digest, 1<<16)
		for i := range digests {
			digests[i] = apikey.DigestOf(fmt.Sprint(i * 7919 % n))
		}
		find := func(i int) {
			if _, err := s.KeyByDigest(ctx, digests[i&(len(digests)-1)]); err != nil {
				b.Error(err)
			}
		}
		b.Run(fmt.Sprintf("n=%d/alone", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				find(i)
			}
		})
		b.Run(fmt.Sprintf("n=%d/together", n), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(len(digests)); pb.Next(); i++ {
					find(i)
				}
			})
		})
	}
}
