package directorytest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/cursor"
	"github.com/ration-go/ration/usageplan"
)

// A Sized is a directory of many keys. Their IDs are key-0, key-1 and so on, and their
// digests are those of the IDs. Each has a link to plan-0. Each plan has 100 further
// links, and each customer and group 100 keys.
type Sized struct {
	Store
	Keys int
}

// An operation must not take longer the more keys there are.
type operation struct {
	name string
	call func(t *testing.T, s Sized, i int)
}

var operations = []operation{
	{"look-up by digest", func(t *testing.T, s Sized, i int) {
		k, err := s.KeyByDigest(t.Context(), apikey.DigestOf(fmt.Sprint("key-", i)))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("key-", i), k.ID)
	}},
	{"access by digest", func(t *testing.T, s Sized, i int) {
		a, err := s.AccessByDigest(t.Context(), apikey.DigestOf(fmt.Sprint("key-", i)))
		require.NoError(t, err)
		require.Len(t, a.Links, 2)
		require.Len(t, a.Plans, 2)
		require.Len(t, a.Groups, 1)
	}},
	{"page of keys", func(t *testing.T, s Sized, i int) {
		keys, _, err := s.Store.Keys(t.Context(), apikey.Filter{}, cursor.Format(uint64(max(i, 200))), 100)
		require.NoError(t, err)
		require.Len(t, keys, 100)
	}},
	{"page of a customer", func(t *testing.T, s Sized, i int) {
		keys, _, err := s.Store.Keys(t.Context(), apikey.Filter{CustomerID: fmt.Sprint("customer-", i/100)}, "", 100)
		require.NoError(t, err)
		require.Len(t, keys, 100)
	}},
	{"page of a group", func(t *testing.T, s Sized, i int) {
		keys, _, err := s.Store.Keys(t.Context(), apikey.Filter{GroupID: fmt.Sprint("group-", i%(s.Keys/100))}, "", 100)
		require.NoError(t, err)
		require.Len(t, keys, 100)
	}},
	{"links of a key", func(t *testing.T, s Sized, i int) {
		links, err := s.KeyLinks(t.Context(), fmt.Sprint("key-", i))
		require.NoError(t, err)
		require.Len(t, links, 2)
	}},
	{"page of a plan's links", func(t *testing.T, s Sized, i int) {
		links, _, err := s.PlanLinks(t.Context(), "plan-0", cursor.Format(uint64(max(i, 200))), 100)
		require.NoError(t, err)
		require.Len(t, links, 100)
	}},
	{"update that conflicts", func(t *testing.T, s Sized, i int) {
		l := usageplan.Link{PlanID: "plan-0", KeyID: fmt.Sprint("key-", i), Version: -1}
		require.ErrorIs(t, s.UpdateLink(t.Context(), l), usageplan.ErrConflict)
	}},
}

// TestSizes compares the medians of 1,000 calls on a directory of 1,000,000 keys with
// those on one of 10,000. They take turns, so that a busy machine slows both.
func TestSizes(t *testing.T, fill func(keys int) Sized) {
	if os.Getenv("RATION_MANY_ROUNDS") == "" {
		t.Skip("RATION_MANY_ROUNDS is not set: a million keys take minutes")
	}
	const most = 1.5
	small, large := fill(10_000), fill(1_000_000)
	for _, op := range operations {
		medians := op.medians(t, small, large)
		ratio := float64(medians[1]) / float64(medians[0])
		t.Logf("%-24s %8v of %d keys, %8v of %d keys: %.2f", op.name, medians[0], small.Keys, medians[1], large.Keys, ratio)
		if ratio > most {
			t.Errorf("%s: %.2f times as long: want at most %.2f", op.name, ratio, most)
		}
	}
}

// medians returns how long a call takes on each directory.
func (op *operation) medians(t *testing.T, of ...Sized) (medians []time.Duration) {
	const calls, warm = 1000, 100 // the first calls prepare the statement
	took := make([][]time.Duration, len(of))
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range calls + warm {
		for i, s := range of {
			at := rnd.IntN(s.Keys)
			began := time.Now()
			op.call(t, s, at)
			if n >= warm {
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	for i := range took {
		slices.Sort(took[i])
		medians = append(medians, took[i][calls/2])
	}
	return medians
}
