package benchmarks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/dchest/siphash"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// population says how many keys exist, and whether all of them are used or only one.
type population struct {
	name string
	n    int
	hot  bool
}

var populations = []population{
	{"keys=hot", 1, true}, {"keys=spread", subjects, false}, {"n=10000", 10_000, false}, {"n=1000000", 1_000_000, false},
}

// hot uses one key among many that exist.
var hot = []population{{"n=10000/keys=hot", 10_000, true}, {"n=1000000/keys=hot", 1_000_000, true}}

// BenchmarkAdmit measures a whole decision in memory. The Gate hashes a secret, finds
// its key and plan, and charges a bucket, a day quota and the usage record. All keys are
// in the Gate's cache. Every decision is admitted and written.
//
// With groups=1 and groups=2 the key is in a group, which may have another one above it.
// Each group has a bucket, a day quota and a usage record, too.
func BenchmarkAdmit(b *testing.B) {
	populate(b, slices.Concat(populations, hot), openGate)
	populate(b, []population{{"groups=1/keys=hot", 1, true}}, openGroups(1))
	populate(b, []population{{"groups=2/keys=hot", 1, true}}, openGroups(2))
}

// BenchmarkFloor measures the least that such a decision can take: the fingerprint of the
// secret, as the Gate computes it, one reading of the clock, and one look-up in a Go map
// that nobody writes to.
func BenchmarkFloor(b *testing.B) { populate(b, populations, openFloor) }

func openFloor(_ testing.TB, n int) ([]string, decide) {
	secrets, prints := likeSecrets(n), map[fingerprint]int64{}
	for i, secret := range secrets {
		prints[fingerprintOf(secret)] = int64(i)
	}
	return secrets, func(_ context.Context, secret string) (bool, error) {
		_, ok := prints[fingerprintOf(secret)]
		return ok && !time.Now().IsZero(), nil
	}
}

// fingerprint is a SipHash of 128 bits.
type fingerprint struct{ head, tail uint64 }

// fingerprintOf returns the fingerprint of a secret, without a copy of it.
func fingerprintOf(secret string) fingerprint {
	head, tail := siphash.Hash128(1, 2, unsafe.Slice(unsafe.StringData(secret), len(secret)))
	return fingerprint{head, tail}
}

// likeSecrets returns n keys of 43 bytes, as long as those of openGate.
func likeSecrets(n int) []string {
	list := names(n)
	for i, name := range list {
		list[i] = fmt.Sprintf("acme_%s_%s", name, name[:16])
	}
	return list
}

// BenchmarkAllow measures a rate limit alone, with 10,000 and with 1,000,000 keys.
func BenchmarkAllow(b *testing.B) {
	populate(b, populations[2:], func(tb testing.TB, n int) ([]string, decide) {
		return names(n), openRation(tb, limit{1 << 32, time.Second})
	})
}

// BenchmarkGoMap measures one look-up of a secret in a Go map that nobody writes to. It
// shows how much slower the machine's memory makes anything that has more keys.
//
// With next=found a look-up has to end before the next key is known. With next=known the
// processor makes several look-ups at once. It cannot do that where a digest, a lock or a
// clock reading lies between them.
func BenchmarkGoMap(b *testing.B) {
	for _, p := range populations[2:] {
		var keys []string
		var visits []uint32
		var ones map[string]int
		run := func(name string, look func(i int) (one, next int)) {
			b.Run(p.name+"/next="+name, func(b *testing.B) {
				if testing.Short() && p.n > subjects {
					b.Skip("takes a second")
				}
				if keys == nil {
					keys, visits, ones = likeSecrets(p.n), permutation(p.n), map[string]int{}
					for _, key := range keys {
						ones[strings.Clone(key)] = 1
					}
					b.ResetTimer()
				}
				i, found := 0, 0
				for range b.N {
					one, next := look(i)
					if found += one; next == len(visits) {
						next = 0
					}
					i = next
				}
				require.Equal(b, b.N, found)
			})
		}
		run("known", func(i int) (one, next int) { return ones[keys[visits[i]]], i + 1 })
		run("found", func(i int) (one, next int) { one = ones[keys[visits[i]]]; return one, i + one })
	}
}

// populate runs a benchmark with each of the populations. Each has keys of its own, and
// all of them are known.
func populate(b *testing.B, populations []population, open func(tb testing.TB, n int) ([]string, decide)) {
	for _, p := range populations {
		var w *workload
		b.Run(p.name, func(leaf *testing.B) {
			if testing.Short() && p.n > subjects {
				leaf.Skip("takes a gigabyte and some seconds")
			}
			if w == nil { // leaf.N grows from one call to the next
				keys, decide := open(b, p.n)
				w = &workload{spread(p.n), keys, decide, func(n int) int { return n }}
				w.fill(leaf, 1)
				if p.hot {
					w.order = orders["hot"]()
				}
			}
			w.run(leaf)
		})
	}
}

// openGate makes a Gate and n keys under one plan. It returns the secrets.
func openGate(tb testing.TB, n int) ([]string, decide) {
	g, secrets := newGate(tb, n, 0)
	return secrets, admit(g)
}

// openGroups returns a function like openGate. The keys have so many groups above them.
func openGroups(groups int) func(tb testing.TB, n int) ([]string, decide) {
	return func(tb testing.TB, n int) ([]string, decide) {
		g, secrets := newGate(tb, n, groups)
		return secrets, admit(g)
	}
}

// newGate makes a Gate and n keys with so many groups above them. It returns the secrets.
func newGate(tb testing.TB, n, groups int) (g *gate.Gate, secrets []string) {
	st := memory.New(memory.Config{})
	secrets = fillStore(tb, st, n, groups)
	return openCached(tb, st, st), secrets
}

// openCached returns a Gate that keeps all keys in its cache.
func openCached(tb testing.TB, st *memory.Store, counter store.Counter) *gate.Gate {
	g, err := gate.New(st, st, counter, gate.Config{MaxAge: time.Hour})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = g.Close() })
	return g
}

// fillStore adds n keys under one plan to a store, with so many groups above them that
// have the plan, too. It returns the secrets.
func fillStore(tb testing.TB, st *memory.Store, n, groups int) (secrets []string) {
	return fillStoreWith(tb, st, n, groups, limiter.Limit{Rate: 1, Burst: 1 << 32})
}

// fillStoreWith is fillStore with another throttle in the plan.
func fillStoreWith(tb testing.TB, st *memory.Store, n, groups int, throttle limiter.Limit) (secrets []string) {
	ctx := context.Background()
	keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})), must(usageplan.NewService(st, st, usageplan.Config{}))
	plan, err := plans.Create(ctx, usageplan.Plan{
		Name:     "benchmark",
		Throttle: &throttle,
		Quotas:   []quota.Quota{{Limit: 1 << 40, Period: quota.Day}},
	})
	require.NoError(tb, err)
	group := ""
	for range groups {
		g, err := must(usageplan.NewGroups(st, st, st, usageplan.Config{})).Create(ctx, usageplan.Group{ParentID: group, PlanID: plan.ID})
		require.NoError(tb, err)
		group = g.ID
	}
	for range n {
		key, secret, err := keys.Create(ctx, apikey.Key{Enabled: true, GroupID: group})
		require.NoError(tb, err)
		require.NoError(tb, plans.Link(ctx, plan.ID, key.ID))
		secrets = append(secrets, string(secret))
	}
	for i := range secrets {
		secrets[i] = strings.Clone(secrets[i]) // side by side, as those of the others
	}
	return secrets
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
