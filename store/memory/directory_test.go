package memory_test

import (
	"fmt"
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
	usageplan.Notifier
} = (*memory.Store)(nil)

func TestKeys(t *testing.T) {
	storetest.TestKeys(t, func(testing.TB) apikey.Store { return memory.New(memory.Config{}) })
}

func TestPlans(t *testing.T) {
	storetest.TestPlans(t, func(testing.TB) usageplan.Store { return memory.New(memory.Config{}) })
}

// TestNarrowFilter walks through many keys to find one: no page looks at more than a thousand.
func TestNarrowFilter(t *testing.T) {
	s := fill(t, 4500)
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "z", Name: "needle"}))
	pages, found := 0, 0
	for cursor, next := "", "?"; next != ""; cursor = next {
		var keys []apikey.Key
		var err error
		keys, next, err = s.Keys(t.Context(), apikey.Filter{NamePrefix: "key 7"}, cursor, 100)
		require.NoError(t, err)
		pages++
		found += len(keys)
	}
	require.Equal(t, 1+10+100, found-0) // 7, 70 to 79, 700 to 799, and no more below 4,500
	require.GreaterOrEqual(t, pages, 5)
}

func fill(tb testing.TB, n int) *memory.Store {
	s := memory.New(memory.Config{})
	for i := range n {
		k := apikey.Key{ID: fmt.Sprintf("id%07d", i), Name: fmt.Sprintf("key %d", i), Digest: apikey.DigestOf(fmt.Sprint(i)), Version: 1}
		if err := s.InsertKey(tb.Context(), k); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// BenchmarkKeys is a page of a listing, from its middle, which costs the same however many keys there are.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1000, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s := fill(b, n)
			ctx := b.Context()
			_, middle, err := s.Keys(ctx, apikey.Filter{}, "", min(n/2, 500))
			if err != nil {
				b.Fatal(err)
			}
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
