package benchmarks

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/redis"
)

// history is the number of days on which each subject of Ration's used its quota before
// the clock starts.
const history = 90

// shared lists the implementations over Redis, and the commands that they send. The
// server times these commands. tb's cleanup ends what open starts.
var shared = []struct {
	name     string
	commands []string
	open     func(tb testing.TB, addr string) decide
}{
	{"empty", []string{"evalsha"}, openEmpty},
	{"ration", []string{"evalsha"}, openGathered},
	{"ration-separate", []string{"evalsha"}, openSeparate},
	{"redis_rate", []string{"evalsha"}, openRedisRate},
	{"throttled", []string{"time", "eval"}, openThrottledRedis}, // without get: its script calls get, too, which would count twice
	{"ulule", []string{"evalsha"}, openUluleRedis},
}

// BenchmarkRedis measures one decision about one of 1,024 keys over a Redis on this
// machine, with several callers at a time. A peer charges a bucket or a window alone.
// Ration charges a bucket, a day quota and the usage record, for subjects with 90 days of
// history. "empty" is a script that does nothing. All decisions are admitted.
//
// server-us/op is the time of one decision by the server's own statistics.
func BenchmarkRedis(b *testing.B) {
	addr := redistest.Start(b)
	keys := names(1 << 10)
	if testing.Short() {
		keys = keys[:1<<4]
	}
	remember(b, dial(b, addr), keys)
	for _, callers := range []int{1, 32, 256} {
		for _, impl := range shared {
			b.Run(fmt.Sprintf("impl=%s/callers=%d", impl.name, callers), func(b *testing.B) {
				decide := impl.open(b, addr)
				server := dial(b, addr)
				ask(b, decide, keys, callers, len(keys)) // makes connections, scripts and keys
				require.NoError(b, server.Do(b.Context(), server.B().ConfigResetstat().Build()).Error())
				b.ReportAllocs()
				b.ResetTimer()
				ask(b, decide, keys, callers, b.N)
				b.StopTimer()
				b.ReportMetric(serverTime(b, server, impl.commands)/float64(b.N), "server-us/op")
			})
		}
	}
}

// ask makes n decisions about the keys in turn, with several callers at a time. Each
// decision has a deadline, as those of a Gate have. A caller renews its deadline after
// some decisions.
func ask(b *testing.B, decide decide, keys []string, callers, n int) {
	var next, admitted atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for next.Load() < int64(n) {
				n, err := askSome(b.Context(), decide, keys, &next, int64(n))
				if err != nil {
					b.Error(err)
					return
				}
				admitted.Add(n)
			}
		})
	}
	wg.Wait()
	if int(admitted.Load()) != n {
		b.Fatalf("%d of %d were admitted", admitted.Load(), n)
	}
}

// askSome makes a few of the decisions up to last, and returns how many were admitted.
func askSome(ctx context.Context, decide decide, keys []string, next *atomic.Int64, last int64) (admitted int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for range 16 {
		i := next.Add(1)
		if i > last {
			break
		}
		ok, err := decide(ctx, keys[int(i)%len(keys)])
		if err != nil {
			return admitted, err
		}
		if ok {
			admitted++
		}
	}
	return admitted, nil
}

// serverTime returns the microseconds that the server has spent on the commands.
func serverTime(b *testing.B, client rueidis.Client, commands []string) (us float64) {
	info, err := client.Do(b.Context(), client.B().Info().Section("commandstats").Build()).ToString()
	require.NoError(b, err)
	for _, command := range commands {
		found := regexp.MustCompile(`cmdstat_` + command + `:calls=\d+,usec=(\d+)`).FindStringSubmatch(info)
		require.NotNil(b, found, "%s in %s", command, info)
		n, err := strconv.ParseFloat(found[1], 64)
		require.NoError(b, err)
		us += n
	}
	return us
}

func dial(tb testing.TB, addr string) rueidis.Client {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}})
	require.NoError(tb, err)
	tb.Cleanup(client.Close)
	return client
}

func openEmpty(tb testing.TB, addr string) decide { return empty(dial(tb, addr)) }

func empty(client rueidis.Client) decide {
	script := rueidis.NewLuaScript("return 1")
	return func(ctx context.Context, key string) (bool, error) {
		n, err := script.Exec(ctx, client, []string{key}, nil).AsInt64()
		return n == 1, err
	}
}

func openGathered(tb testing.TB, addr string) decide {
	return openRationRedis(tb, addr, redis.Config{})
}

func openSeparate(tb testing.TB, addr string) decide {
	return openRationRedis(tb, addr, redis.Config{Separate: true})
}

func openRationRedis(tb testing.TB, addr string, cfg redis.Config) decide {
	counter, err := redis.New(dial(tb, addr), cfg)
	require.NoError(tb, err)
	return plan(counter, meters(time.Now()), time.Time{})
}

// remember charges Ration's subjects on each of the days of their history.
func remember(tb testing.TB, client rueidis.Client, keys []string) {
	counter, err := redis.New(client, redis.Config{})
	require.NoError(tb, err)
	today := time.Now()
	var wg sync.WaitGroup
	for _, key := range keys {
		wg.Go(func() {
			for day := history; day > 0; day-- {
				at := today.AddDate(0, 0, -day)
				if ok, err := plan(counter, meters(at), at)(tb.Context(), key); err != nil || !ok {
					tb.Error(ok, err)
				}
			}
		})
	}
	wg.Wait()
}

func openGoRedis(tb testing.TB, addr string) *goredis.Client {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	tb.Cleanup(func() { require.NoError(tb, client.Close()) })
	return client
}

func openRedisRate(tb testing.TB, addr string) decide {
	return rateOf(redis_rate.NewLimiter(openGoRedis(tb, addr)))
}

func rateOf(lim *redis_rate.Limiter) decide {
	limit := redis_rate.Limit{Rate: 1, Period: time.Second, Burst: 1 << 32}
	return func(ctx context.Context, key string) (bool, error) {
		r, err := lim.Allow(ctx, key, limit)
		return err == nil && r.Allowed == 1, err
	}
}

func openThrottledRedis(tb testing.TB, addr string) decide {
	store, err := goredisstore.NewCtx(openGoRedis(tb, addr), "throttled:")
	require.NoError(tb, err)
	return openGCRA(tb, store, limit{1 << 32, time.Second})
}

func openUluleRedis(tb testing.TB, addr string) decide {
	store, err := ululeredis.NewStore(openGoRedis(tb, addr))
	require.NoError(tb, err)
	return openFixedWindow(store, limit{1 << 32, time.Second})
}

// meters returns the meters of a plan with a rate limit and a day quota, and of the usage
// record, on the day of at.
func meters(at time.Time) []store.Meter {
	const day = 24 * time.Hour
	start := at.UTC().Truncate(day)
	window := store.Meter{Max: 1 << 40, Start: start.Unix(), End: start.Add(day).Unix(), Keep: 2 * history * day}
	quota, record := window, window
	quota.Name, record.Name, record.Max = "day", "use", store.Unlimited
	return []store.Meter{{Name: "throttle", Max: 1 << 32, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}, quota, record}
}

// plan returns a function that charges the meters at an instant. If at is zero, it
// charges them now.
func plan(counter store.Counter, meters []store.Meter, at time.Time) decide {
	charges := sync.Pool{New: func() any { return store.NewCharge("", 1, meters...) }}
	return func(ctx context.Context, subject string) (bool, error) {
		c := charges.Get().(*store.Charge)
		defer charges.Put(c)
		if c.Parts[0].Subject, c.At = subject, at; at.IsZero() {
			c.At = time.Now()
		}
		err := counter.Take(ctx, c)
		return c.OK, err
	}
}

// clustered lists the implementations over a Redis Cluster. The other peers speak to one
// server only.
var clustered = []struct {
	name string
	open func(tb testing.TB, addrs []string) decide
}{
	{"empty", func(tb testing.TB, addrs []string) decide { return empty(clusterClient(tb, addrs)) }},
	{"ration", func(tb testing.TB, addrs []string) decide {
		counter, err := redis.New(clusterClient(tb, addrs), redis.Config{})
		require.NoError(tb, err)
		return plan(counter, meters(time.Now()), time.Time{})
	}},
	{"redis_rate", func(tb testing.TB, addrs []string) decide {
		client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs})
		tb.Cleanup(func() { require.NoError(tb, client.Close()) })
		return rateOf(redis_rate.NewLimiter(client))
	}},
}

// BenchmarkCluster measures the same as BenchmarkRedis over a Redis Cluster of three
// primaries with replicas on this machine.
func BenchmarkCluster(b *testing.B) {
	addrs := redistest.StartCluster(b).Addrs
	keys := names(1 << 10)
	if testing.Short() {
		keys = keys[:1<<4]
	}
	remember(b, clusterClient(b, addrs), keys)
	for _, callers := range []int{1, 32, 256} {
		for _, impl := range clustered {
			b.Run(fmt.Sprintf("impl=%s/callers=%d", impl.name, callers), func(b *testing.B) {
				decide := impl.open(b, addrs)
				ask(b, decide, keys, callers, len(keys))
				b.ReportAllocs()
				b.ResetTimer()
				ask(b, decide, keys, callers, b.N)
			})
		}
	}
}

func clusterClient(tb testing.TB, addrs []string) rueidis.Client {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, DisableCache: true})
	require.NoError(tb, err)
	tb.Cleanup(client.Close)
	return client
}
