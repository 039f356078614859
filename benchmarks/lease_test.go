package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
)

// callers is how many callers ask at a time.
const callers = 256

// turnOf returns how long a turn takes, which is next to nothing if nobody measures.
func turnOf(d time.Duration) time.Duration {
	if testing.Short() {
		return d / 500
	}
	return d
}

// crowd is an implementation over Redis that many callers ask.
type crowd struct {
	name   string
	decide decide
	keys   []string

	counts    // of all turns
	latencies []time.Duration
}

// counts is what happened while callers asked.
type counts struct {
	decisions, admitted, calls int64
	took                       time.Duration
}

// BenchmarkLeases measures decisions over a Redis on this machine, with 256 callers. The
// implementations take turns of some 50ms. All decisions are admitted.
//
// keys=hot is one key. keys=zipf is 100,000 keys, of which few are asked for often.
// name-per-s is how many decisions were made in a second, and to-redis_rate how many
// times as many as redis_rate made. name-calls-per-s is how many calls Redis had, and
// name-p50-us and name-p99-us are latencies, in microseconds.
func BenchmarkLeases(b *testing.B) {
	addr := redistest.Start(b)
	hot := names(1)
	b.Run("keys=hot", func(b *testing.B) {
		secrets, leased, exact := openSharedGates(b, addr)
		takeCrowdedTurns(b, addr, []*crowd{
			{name: "redis_rate", decide: openRedisRate(b, addr), keys: hot},
			{name: "allow", decide: allow(b, leases(b, addr)), keys: hot},
			{name: "admit", decide: leased, keys: secrets},
			{name: "exact-allow", decide: allow(b, exactly(b, addr)), keys: hot},
			{name: "exact-admit", decide: exact, keys: secrets},
			{name: "floor", decide: leaseFloor(), keys: hot},
		})
	})
	b.Run("keys=zipf", func(b *testing.B) {
		keys := names(100_000)
		if testing.Short() {
			keys = keys[:1000]
		}
		takeCrowdedTurns(b, addr, []*crowd{
			{name: "redis_rate", decide: openRedisRate(b, addr), keys: keys},
			{name: "allow", decide: allow(b, leases(b, addr)), keys: keys},
			{name: "exact-allow", decide: allow(b, exactly(b, addr)), keys: keys},
		})
	})
}

// leaseFloor returns the least that a leased decision of a rate limit can take: one
// look-up of the key, one atomic addition, and one reading of the clock.
func leaseFloor() decide {
	base := time.Now()
	units := map[string]*atomic.Int64{names(1)[0]: {}}
	return func(_ context.Context, key string) (bool, error) {
		left := units[key].Add(-1)
		return left < 0 && time.Since(base) > 0, nil
	}
}

// BenchmarkLeasedRefusals measures a flood of requests of one key whose quota is used up.
// It fails if Redis has ten calls a second or more.
func BenchmarkLeasedRefusals(b *testing.B) {
	addr := redistest.Start(b)
	now := time.Now().Unix()
	quota := store.Meter{Name: "day", Max: 3, Start: now, End: now + 86400}
	counter := leases(b, addr)
	refused := &crowd{name: "refused", keys: names(1), decide: func(ctx context.Context, key string) (bool, error) {
		_, ok, err := counter.TakeOne(ctx, key, &quota, time.Now(), 1)
		return !ok, err
	}}
	client := dial(b, addr)
	for range 10 { // uses up the quota, and lets the refusal be remembered
		if _, err := refused.decide(b.Context(), refused.keys[0]); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		refused.ask(b, client, turnOf(3*time.Second))
	}
	b.ReportMetric(0, "ns/op")
	refused.report(b)
	require.Less(b, float64(refused.calls), 10*max(1, refused.took.Seconds()), "calls within %v", refused.took)
}

func takeCrowdedTurns(b *testing.B, addr string, all []*crowd) {
	client := dial(b, addr)
	for _, c := range all {
		c.ask(b, client, 50*time.Millisecond) // makes connections, scripts, keys and leases
		c.counts, c.latencies = counts{}, nil
	}
	for b.Loop() {
		for _, i := range rand.Perm(len(all)) {
			all[i].ask(b, client, turnOf(50*time.Millisecond))
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, c := range all {
		c.report(b)
		if i > 0 {
			b.ReportMetric(c.perSecond()/all[0].perSecond(), c.name+"-to-redis_rate")
		}
	}
}

// ask has the callers ask for a while.
func (c *crowd) ask(b *testing.B, client rueidis.Client, d time.Duration) {
	var decisions, admitted atomic.Int64
	var mu sync.Mutex
	var stop atomic.Bool
	var wg sync.WaitGroup
	calls, began := callsOf(b, client), time.Now()
	for seed := range callers {
		wg.Go(func() {
			order := skewed(uint64(seed), len(c.keys))
			var n, ok int64
			var latencies []time.Duration
			for !stop.Load() {
				var asked time.Time
				if n%64 == 0 { // a clock that was read each time would cost as much as a decision
					asked = time.Now()
				}
				yes, err := c.decide(b.Context(), c.keys[order[int(n)%len(order)]])
				if err != nil {
					b.Error(c.name, err)
					return
				}
				if n%64 == 0 {
					latencies = append(latencies, time.Since(asked))
				}
				if n++; yes {
					ok++
				}
			}
			decisions.Add(n)
			admitted.Add(ok)
			mu.Lock()
			c.latencies = append(c.latencies, latencies...)
			mu.Unlock()
		})
	}
	time.AfterFunc(d, func() { stop.Store(true) })
	wg.Wait()
	c.took += time.Since(began)
	c.calls += callsOf(b, client) - calls
	c.decisions += decisions.Load()
	c.admitted += admitted.Load()
	if admitted.Load() != decisions.Load() {
		b.Fatalf("%s: %d of %d decisions were as expected", c.name, admitted.Load(), decisions.Load())
	}
}

// skewed returns the indexes of the keys to ask for.
func skewed(seed uint64, n int) []int {
	if n == 1 {
		return []int{0}
	}
	z := rand.NewZipf(rand.New(rand.NewPCG(seed, 1)), 1.1, 1, uint64(n-1))
	order := make([]int, 1<<12)
	for i := range order {
		order[i] = int(z.Uint64())
	}
	return order
}

func (c *crowd) perSecond() float64 { return float64(c.decisions) / c.took.Seconds() }

func (c *crowd) report(b *testing.B) {
	slices.Sort(c.latencies)
	at := func(p float64) float64 {
		return float64(c.latencies[int(p*float64(len(c.latencies)-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(c.perSecond(), c.name+"-per-s")
	b.ReportMetric(float64(c.calls)/c.took.Seconds(), c.name+"-calls-per-s")
	b.ReportMetric(float64(c.calls)/float64(c.decisions), c.name+"-calls-each")
	b.ReportMetric(at(0.50), c.name+"-p50-us")
	b.ReportMetric(at(0.99), c.name+"-p99-us")
}

// callsOf returns how many scripts clients have called.
func callsOf(b *testing.B, client rueidis.Client) (n int64) {
	info, err := client.Do(b.Context(), client.B().Info().Section("commandstats").Build()).ToString()
	require.NoError(b, err)
	for _, found := range regexp.MustCompile(`cmdstat_(?:evalsha|eval):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		calls, err := strconv.ParseInt(found[1], 10, 64)
		require.NoError(b, err)
		n += calls
	}
	return n
}

func exactly(tb testing.TB, addr string) store.Counter {
	counter, err := redis.New(dial(tb, addr), redis.Config{})
	require.NoError(tb, err)
	return counter
}

func leases(tb testing.TB, addr string) *lease.Counter {
	counter, err := lease.New(exactly(tb, addr), lease.Config{Timeout: 10 * time.Second})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, counter.Close(context.Background())) })
	return counter
}

// allow returns a rate limit that admits everything. It has the burst that redis_rate
// has.
func allow(tb testing.TB, counter store.Counter) decide {
	lim, err := limiter.New(counter, limiter.Limit{Rate: rate.Every(time.Second), Burst: 1 << 32}, limiter.Config{Timeout: 10 * time.Second})
	require.NoError(tb, err)
	return func(ctx context.Context, key string) (bool, error) {
		r, err := lim.Allow(ctx, key)
		return r.Allowed, err
	}
}

// openSharedGates returns whole decisions about one key, whose plan has a bucket and a
// day quota. The key and the plan are in memory, and the counters in Redis, once with
// leases and once without.
func openSharedGates(b testing.TB, addr string) (secrets []string, leased, exact decide) {
	st := memory.New(memory.Config{})
	secrets = fillStore(b, st, 1, 0)
	admit := func(counter store.Counter) decide {
		g, err := gate.New(st, st, counter, gate.Config{MaxAge: time.Hour, Timeout: 10 * time.Second})
		require.NoError(b, err)
		b.Cleanup(func() { _ = g.Close() })
		return func(ctx context.Context, secret string) (bool, error) {
			d, err := g.Admit(ctx, gate.Request{Secret: apikey.Secret(secret)})
			if err != nil {
				return false, fmt.Errorf("admit: %w", err)
			}
			return d.Allowed, nil
		}
	}
	return secrets, admit(leases(b, addr)), admit(exactly(b, addr))
}

// TestLeasedAllocations counts the allocations of a decision about a hot key.
func TestLeasedAllocations(t *testing.T) {
	addr := redistest.Start(t)
	secrets, leased, _ := openSharedGates(t, addr)
	for name, c := range map[string]crowd{
		"allow": {decide: allow(t, leases(t, addr)), keys: names(1)},
		"admit": {decide: leased, keys: secrets},
	} {
		perDecision := testing.AllocsPerRun(200_000, func() {
			if ok, err := c.decide(t.Context(), c.keys[0]); !ok || err != nil {
				t.Error(name, ok, err)
			}
		})
		require.Zero(t, perDecision, name) // rounded down: settlements allocate
	}
}
