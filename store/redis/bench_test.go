package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// dial connects to addr until the test ends.
func dial(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

var (
	day      = time.Now().Unix() / 86400 * 86400
	throttle = store.Meter{Name: "throttle", Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 100}}
	quota    = store.Meter{Name: "quota/day", Max: 1 << 50, Start: day, End: day + 86400, Keep: 24 * time.Hour}
	record   = store.Meter{Name: "use", Max: store.Unlimited, Start: day, End: day + 86400, Keep: 90 * 24 * time.Hour}
)

// gcra is a single bucket as other limiters keep it: as text, the time at which the
// bucket will be full.
const gcra = `
local interval = ARGV[3] / ARGV[2]
local increment, offset = interval * tonumber(ARGV[4]), interval * ARGV[1]
local now = redis.call("TIME")
now = (now[1] - 1483228800) + (now[2] / 1000000)
local tat = redis.call("GET", KEYS[1])
if not tat then tat = now else tat = tonumber(tat) end
local new = math.max(tat, now) + increment
local room = now - (new - offset)
local remaining = room / interval
if remaining < 0 then return { 0, 0, tostring(-room), tostring(tat - now) } end
local reset = new - now
if reset > 0 then redis.call("SET", KEYS[1], new, "EX", math.ceil(reset)) end
return { tonumber(ARGV[4]), remaining, tostring(-1), tostring(reset) }`

// BenchmarkServer reports how long one decision takes on the server, by the server's own
// measurement. An empty script and the plainest kind of bucket are measured for
// comparison.
func BenchmarkServer(b *testing.B) {
	addr := redistest.Start(b)
	client := dial(b, addr)
	s, err := New(client, Config{})
	require.NoError(b, err)

	take := func(meters ...store.Meter) func(ctx context.Context) error {
		subject := "plan:key:" + strconv.Itoa(len(meters)) + meters[0].Name
		return func(ctx context.Context) error {
			return s.Take(ctx, chargeAt(store.Spend, time.Now(), subject, 1, meters...))
		}
	}
	script := func(text string, args ...string) func(ctx context.Context) error {
		sha, err := client.Do(b.Context(), client.B().ScriptLoad().Script(text).Build()).ToString()
		require.NoError(b, err)
		return func(ctx context.Context) error {
			return client.Do(ctx, client.B().Evalsha().Sha1(sha).Numkeys(1).Key("gcra:plan:key").Arg(args...).Build()).Error()
		}
	}
	routes := 0
	for _, bench := range []struct {
		name string
		one  func(ctx context.Context) error
	}{
		{"empty", script("return 1")},
		{"gcra", script(gcra, "1000000", "100000", "1", "1")},
		{"bucket", take(throttle)},
		{"window", take(quota)},
		{"bucket+window", take(throttle, quota)},
		{"bucket+window+record", take(throttle, quota, record)},
		{"window+record", take(quota, record)},
		{"record+window+bucket", take(record, quota, throttle)},
		{"10routes", func(ctx context.Context) error {
			routes++
			route := throttle
			route.Name = "throttle/" + strconv.Itoa(routes%10)
			return s.Take(ctx, store.NewCharge("routes", 1, route, quota, record))
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			require.NoError(b, bench.one(b.Context()))
			require.NoError(b, client.Do(b.Context(), client.B().ConfigResetstat().Build()).Error())
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.one(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(serverTime(b, client), "server-us/op")
		})
	}
}

// serverTime returns the microseconds of one EVALSHA, from the server's statistics.
func serverTime(t testing.TB, client rueidis.Client) float64 {
	t.Helper()
	info, err := client.Do(t.Context(), client.B().Info().Section("commandstats").Build()).ToString()
	require.NoError(t, err)
	found := regexp.MustCompile(`cmdstat_evalsha:.*usec_per_call=([\d.]+)`).FindStringSubmatch(info)
	require.NotNil(t, found, info)
	us, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	return us
}

// BenchmarkPayers measures decisions of many callers at once. A payer is a subject with a
// bucket, a quota and a record. A charge has one payer, or three: an organisation, one of
// its teams, and a key.
func BenchmarkPayers(b *testing.B) {
	for _, bench := range []struct {
		name                 string
		callers              int
		orgs, teams, members int // how many there are; none of the first two is one payer
	}{
		{"payers=1/callers=1", 1, 0, 0, 1000},
		{"payers=1/callers=32", 32, 0, 0, 1000},
		{"payers=1/callers=256", 256, 0, 0, 1000},
		{"payers=1/callers=256/hot", 256, 0, 0, 1},
		{"payers=3/callers=1", 1, 1, 8, 1000},
		{"payers=3/callers=256", 256, 1, 8, 1000},
		{"payers=3/callers=256/orgs=1000", 256, 1000, 1, 1000},
	} {
		b.Run(bench.name, func(b *testing.B) {
			client := dial(b, redistest.Start(b))
			s, err := New(client, Config{})
			require.NoError(b, err)
			meters := []store.Meter{throttle, quota, record}
			var charges [][]string
			for i := range bench.members {
				subjects := []string{fmt.Sprintf("plan:key-%d", i)}
				if bench.orgs > 0 {
					org := fmt.Sprintf("org-%d", i%bench.orgs)
					subjects = []string{org, fmt.Sprintf("%s>team-%d", org, i%bench.teams), fmt.Sprintf("%s>key-%d", org, i)}
				}
				charges = append(charges, subjects)
			}
			var next atomic.Int64
			decide := func(n int64, callers int) {
				var wg sync.WaitGroup
				next.Store(0)
				for caller := range callers {
					wg.Go(func() {
						rnd := rand.New(rand.NewPCG(uint64(caller), 1))
						c := store.Charge{Parts: make([]store.Part, len(charges[0]))}
						for i := range c.Parts {
							c.Parts[i] = store.NewPart("", 1, meters...)
						}
						for next.Add(1) <= n {
							for i, subject := range charges[rnd.IntN(len(charges))] {
								c.Parts[i].Subject = subject
							}
							c.At = time.Now()
							if err := s.Take(b.Context(), &c); err != nil || !c.OK {
								b.Error(err, c.OK)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			decide(int64(4*bench.members), 32)
			require.NoError(b, client.Do(b.Context(), client.B().ConfigResetstat().Build()).Error())
			b.ResetTimer()
			decide(int64(b.N), bench.callers)
			b.StopTimer()
			calls := float64(commands(b, client)["evalsha"])
			b.ReportMetric(serverTime(b, client)*calls/float64(b.N), "server-us/op")
			b.ReportMetric(float64(b.N)/calls, "decisions/call")
		})
	}
}
