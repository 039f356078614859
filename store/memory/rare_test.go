package memory_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

var idMeters = []store.Meter{
	{Name: "day", Max: 1 << 40, Start: 1 << 30, End: 1<<30 + 86400},
	{Max: 1, Rate: store.Rate{Tokens: 1, Per: 600_000_000}, Rare: true},
}

// TestRareBucketsRemoved charges with a new ID each time. IDs whose buckets are full
// again take no memory.
func TestRareBucketsRemoved(t *testing.T) {
	s, at := memory.New(memory.Config{}), time.Unix(1<<30, 0)
	take := func(i int, want bool) {
		c := store.Charge{At: at, Parts: []store.Part{store.NewPart("a", 1, idMeters[0], idMeters[1])}}
		c.Parts[0].Meters[1].Name = fmt.Sprint("id ", i)
		require.NoError(t, s.Take(t.Context(), &c))
		require.Equal(t, want, c.OK, i)
	}
	before := heap()
	for i := range 50_000 {
		take(i, true)
		take(i, false)
		take(max(i-599, 0), false)
		at = at.Add(time.Second)
	}
	require.Less(t, int64(heap())-int64(before), int64(2000*250), "600 IDs are kept")
	runtime.KeepAlive(s)
}

// BenchmarkRare charges with a new ID each time, beside many others of the subject.
func BenchmarkRare(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint("ids=", n), func(b *testing.B) {
			s, at := memory.New(memory.Config{}), time.Unix(1<<30, 0)
			names := make([]string, 2*n)
			for i := range names {
				names[i] = fmt.Sprint("id ", i)
			}
			step := 600 * time.Second / time.Duration(n)
			c := store.Charge{Parts: []store.Part{store.NewPart("a", 1, idMeters[0], idMeters[1])}}
			for i := 0; b.Loop(); i++ {
				c.At = at
				c.Parts[0].Meters[1].Name = names[i%len(names)]
				if err := s.Take(b.Context(), &c); err != nil || !c.OK {
					b.Fatal(err, c.OK)
				}
				if at = at.Add(step); at.Unix() >= idMeters[0].End {
					at = time.Unix(1<<30, 0)
					s = memory.New(memory.Config{})
				}
			}
		})
	}
}

// TestRareAlone charges many rare buckets of a subject that has nothing else. A charge
// costs no more than beside few.
func TestRareAlone(t *testing.T) {
	s := memory.New(memory.Config{})
	for i := range 100_000 { // if each looked at all others, this would take minutes
		c := store.Charge{Parts: []store.Part{store.NewPart("a", 1, store.Meter{
			Name: fmt.Sprintf("id %d", i), Max: 1, Rate: store.Rate{Tokens: 1, Per: 600_000_000}, Rare: true,
		})}}
		require.NoError(t, s.Take(t.Context(), &c))
		require.True(t, c.OK)
	}
}
