package lease_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// member returns a charge of one unit for a key and its organisation.
func member(key string, own, org store.Meter) *store.Charge {
	return &store.Charge{At: time.Now(), Parts: []store.Part{
		store.NewPart("acme>"+key, 1, own),
		store.NewPart("acme", 1, org),
	}}
}

// TestOrganisation charges an organisation that is hot through keys of which two are hot
// and a thousand are cold.
func TestOrganisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		org, own := today(20_000), today(1_000_000)
		org.Name = "org"
		var admitted int64
		take := func(key string) {
			charge := member(key, own, org)
			require.NoError(t, c.Take(t.Context(), charge))
			if charge.OK {
				admitted++
			}
		}
		hot := func(rounds int) (calls int64) {
			before := s.takes.Load()
			for i := range rounds {
				take(fmt.Sprint("hot-", i%2))
				time.Sleep(100 * time.Microsecond)
			}
			return s.takes.Load() - before
		}
		require.Less(t, hot(5000), int64(400), "the hot keys are decided here")
		before := s.takes.Load()
		for i := range 1000 {
			take(fmt.Sprint("cold-", i))
			time.Sleep(10 * time.Microsecond)
		}
		require.InDelta(t, 1000, s.takes.Load()-before, 30, "a cold key is one call")
		for i := range 3000 {
			take(fmt.Sprint("cold-", i%1000))
			hot(1)
		}
		require.Less(t, hot(2000), int64(200), "and the hot ones still are")

		for range 12_000 { // until the organisation has nothing left, and for a second more
			hot(1)
		}
		require.EqualValues(t, 20_000, admitted)
		require.NoError(t, c.Close(t.Context()))
		read := member("hot-0", own, org)
		read.Parts = read.Parts[1:]
		read.Parts[0].N[0] = 0
		require.NoError(t, s.Take(t.Context(), read))
		require.EqualValues(t, 20_000, read.Parts[0].Levels[0].Used)
	})
}

// TestSmallLimit charges a key whose burst is too small for leases beside a quota that is
// not.
func TestSmallLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		small := store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1000}} // 1000/s
		before := s.takes.Load()
		admitted := spend(t, c, 2000, time.Millisecond, small, today(1_000_000))
		require.EqualValues(t, 2000, admitted)
		require.InDelta(t, 2000, s.takes.Load()-before, 20, "each is one exact call, and none is added")
	})
}
