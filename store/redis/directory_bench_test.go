package redis

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// aKey returns the i-th key, as a service makes it.
func aKey(i int) apikey.Key {
	made := time.Date(2027, 3, 1, 12, 0, 0, 123_000, time.UTC)
	return apikey.Key{
		ID: fmt.Sprintf("k%011d", i), Name: fmt.Sprintf("customer-%07d", i), Hint: "acme_…x7Qz", Enabled: true,
		Digest: apikey.DigestOf(strconv.Itoa(i)), Created: made, Updated: made, Version: 1,
	}
}

// ofPlans is the number of plans that the keys are linked to in turn.
const ofPlans = 100

func aPlan(i int) string { return fmt.Sprintf("p%011d", i%ofPlans) }

// BenchmarkDirectory reports the median times of operations whose cost does not depend on
// the number of keys, and the server's bytes for each key and each link.
func BenchmarkDirectory(b *testing.B) {
	for _, keys := range []int{10_000, 1_000_000} {
		if testing.Short() && keys > 10_000 {
			continue
		}
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			client := dial(b, redistest.Start(b))
			s := newStore(b, client, decisionScripts)
			empty := memory(b, client)
			fill(b, keys, func(i int) error { return s.InsertKey(b.Context(), aKey(i)) })
			full := memory(b, client)
			fill(b, ofPlans, func(i int) error {
				return s.InsertPlan(b.Context(), usageplan.Plan{ID: aPlan(i), Name: aPlan(i)})
			})
			fill(b, keys, func(i int) error {
				id := aKey(i).ID
				return s.InsertLink(b.Context(), usageplan.Link{
					PlanID: aPlan(i), KeyID: id, Allowance: aPlan(i), Created: aKey(i).Created,
				})
			})
			linked := memory(b, client)
			b.Run("memory", func(b *testing.B) {
				for b.Loop() { // nothing to time
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(full-empty)/float64(keys), "bytes/key")
				b.ReportMetric(float64(linked-full)/float64(keys), "bytes/link")
			})
			directory(b, s, keys)
		})
	}
}

// directory measures operations on a store of that many keys.
func directory(b *testing.B, s *Store, keys int) {
	page := func(f apikey.Filter, cursor string) (err error) {
		_, _, err = s.Keys(b.Context(), f, cursor, 100)
		return err
	}
	middle := strconv.FormatInt(int64(keys/2), 36)
	for _, bench := range []struct {
		name string
		one  func(i int) error
	}{
		{"keyByDigest", func(i int) error {
			_, err := s.KeyByDigest(b.Context(), aKey(i*7919%keys).Digest)
			return err
		}},
		{"keyLinks", func(i int) error {
			_, err := s.KeyLinks(b.Context(), aKey(i*7919%keys).ID)
			return err
		}},
		{"page", func(int) error { return page(apikey.Filter{}, middle) }},
		{"planLinks", func(i int) error {
			_, _, err := s.PlanLinks(b.Context(), aPlan(i), "", 100)
			return err
		}},
		{"page/filter=none", func(int) error { return page(apikey.Filter{NamePrefix: "other"}, middle) }},
		{"insertKey", func(i int) error { return s.InsertKey(b.Context(), aKey(int(time.Now().UnixNano()))) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			took := make([]time.Duration, 0, 1000)
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				require.NoError(b, bench.one(i))
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "median-us")
		})
	}
}

// fill calls one with 0 to n-1, many at a time.
func fill(t testing.TB, n int, one func(i int) error) {
	t.Helper()
	const callers = 256
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n; i += callers {
				if err := one(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// memory returns the bytes that the server uses.
func memory(t testing.TB, client rueidis.Client) int {
	t.Helper()
	info, err := client.Do(t.Context(), client.B().Info().Section("memory").Build()).ToString()
	require.NoError(t, err)
	found := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(info)
	require.NotNil(t, found, info)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}
