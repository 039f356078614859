package middleware_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// forgedLookups counts the look-ups of secrets that no key has.
type forgedLookups struct {
	*redis.Store
	n atomic.Int64
}

func (s *forgedLookups) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.Store.AccessByDigest(ctx, d)
	if errors.Is(err, apikey.ErrNotFound) || ctx.Err() != nil {
		s.n.Add(1)
	}
	return a, err
}

// A siege is a service over a Redis server, with good clients and a flood.
type siege struct {
	t       *testing.T
	dir     *forgedLookups
	handler http.Handler
	good    []string
	redis   rueidis.Client
}

// setUp says what protects the service.
type setUp struct {
	name      string
	guesses   middleware.GuessConfig
	tags      *apikey.TagKeys
	addresses int // of the flood; 0 for a new one with each request
}

// bounds reports whether the set-up bounds the look-ups.
func (s *setUp) bounds() bool { return s.tags != nil || !s.guesses.Off && s.addresses > 0 }

func newSiege(t *testing.T, s setUp) *siege {
	addr := redistest.Start(t)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	st, err := redis.New(client, redis.Config{})
	require.NoError(t, err)
	format := apikey.Format{Prefix: "acme", TagKeys: s.tags}
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	plan, err := plans.Create(t.Context(), usageplan.Plan{Throttle: &limiter.Limit{Rate: 1e6, Burst: 1e6}, Quotas: perDay(1e9)})
	require.NoError(t, err)
	x := &siege{t: t, dir: &forgedLookups{Store: st}, redis: client}
	for range 40 {
		k, secret, err := keys.Create(t.Context(), apikey.Key{Enabled: true})
		require.NoError(t, err)
		require.NoError(t, plans.Link(t.Context(), plan.ID, k.ID))
		x.good = append(x.good, string(secret))
	}

	g, err := gate.New(x.dir, x.dir, st, gate.Config{KeyFormat: format, Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	x.handler = must(middleware.New(g, middleware.Config{Guesses: s.guesses})).Handler(ok)
	go func() { _ = st.Run(t.Context()) }()
	require.Eventually(t, func() bool { return !st.ListenerState().Since.IsZero() }, 10*time.Second, time.Millisecond)
	for _, secret := range x.good {
		require.Equal(t, 200, x.ask(secret, "192.0.2.1"))
	}
	require.Equal(t, len(x.good), g.Stats().CachedKeys)
	return x
}

// ask makes a request with a key from an address.
func (x *siege) ask(secret, addr string) int {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-API-Key", secret)
	r.RemoteAddr = addr + ":1234"
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w.Code
}

// serveGood has good clients make requests until ctx is done, 200 a second, and returns
// how long each took. Half of them have an address from which the flood comes, too.
func (x *siege) serveGood(ctx context.Context) (took []time.Duration) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			wg.Wait()
			return took
		case <-tick.C:
		}
		wg.Go(func() {
			began := time.Now()
			code := x.ask(x.good[i%len(x.good)], []string{"192.0.2.1", "198.51.100.1"}[i%2])
			d := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			if code != 200 {
				x.t.Errorf("a good client got %d", code)
			}
			took = append(took, d)
		})
	}
}

// flood sends forged secrets until ctx is done, at a rate of 1,000,000 a minute, and
// returns how many it sent. At most 512 are under way, as with a server that has bounds.
func (x *siege) flood(ctx context.Context, addresses int) (sent int) {
	const perMinute, atOnce = 1_000_000, 512
	var wg sync.WaitGroup
	var underWay atomic.Int64
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return sent
		case <-tick.C:
		}
		for due := int(time.Since(began) * perMinute / time.Minute); sent < due && underWay.Load() < atOnce; sent++ {
			underWay.Add(1)
			secret, addr := forge(), newAddress(sent, addresses)
			wg.Go(func() {
				defer underWay.Add(-1)
				if code := x.ask(secret, addr); code == 200 {
					x.t.Errorf("a forged secret got %d", code)
				}
			})
		}
	}
}

// newAddress returns the address of the i-th request of a flood.
func newAddress(i, addresses int) string {
	if addresses == 0 {
		return netip.AddrFrom4([4]byte{100, byte(rand.IntN(256)), byte(rand.IntN(256)), byte(rand.IntN(256))}).String()
	}
	return "192.0.2." + strconv.Itoa(1+i%addresses)
}

// commands returns how many commands the server has processed.
func (x *siege) commands() (n int64) {
	info, err := x.redis.Do(context.Background(), x.redis.B().Info().Section("stats").Build()).ToString()
	require.NoError(x.t, err)
	for line := range strings.Lines(info) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "total_commands_processed:"); ok {
			n, err = strconv.ParseInt(s, 10, 64)
			require.NoError(x.t, err)
		}
	}
	return n
}

// turn runs the good clients for a time, and a flood from so many addresses unless that
// is negative. It returns the 99th percentile of the times of good clients.
func (x *siege) turn(long time.Duration, addresses int) (p99 time.Duration, sent int) {
	ctx, cancel := context.WithTimeout(x.t.Context(), long)
	defer cancel()
	var wg sync.WaitGroup
	if addresses >= 0 {
		wg.Go(func() { sent = x.flood(ctx, addresses) })
	}
	took := x.serveGood(ctx)
	wg.Wait()
	slices.Sort(took)
	require.NotEmpty(x.t, took)
	return took[len(took)*99/100], sent
}

// TestFloodOverRedis floods a service over a redis-server with 1,000,000 forged secrets a
// minute, in turns with quiet times. It counts the look-ups of forged secrets, and takes
// the times of good clients.
//
// The flood runs in this process and calls the handler itself. So the figures are those
// of the middleware, the Gate and Redis, without the work of an HTTP server.
//
// RATION_MANY_ROUNDS makes it a minute of the flood, in which the look-ups are counted,
// and then 30 turns of two seconds. There good clients may wait at most 1.5 times as
// long, at the 99th percentile of the median turn. In the short form the turns are too
// short to judge that.
//
// Caution: on a busy machine the scheduler alone makes the difference. Run the full form
// on an idle one, or with a priority: chrt -r 1.
func TestFloodOverRedis(t *testing.T) {
	setUps := []setUp{
		{"a few addresses", middleware.GuessConfig{}, nil, 4},
		{"any addresses, with tags", middleware.GuessConfig{}, must(apikey.NewTagKeys([]byte("0123456789abcdefghijklmnopqrstuv"))), 0},
	}
	full := os.Getenv("RATION_MANY_ROUNDS") != ""
	if full {
		setUps = append(setUps,
			setUp{"a few addresses, without a bound", middleware.GuessConfig{Off: true}, nil, 4},
			setUp{"any addresses, without tags", middleware.GuessConfig{}, nil, 0})
	}
	for _, s := range setUps {
		t.Run(s.name, func(t *testing.T) {
			x, long := newSiege(t, s), 400*time.Millisecond
			if full {
				long = time.Minute
			}
			at := x.commands()
			_, sent := x.turn(long, s.addresses)
			lookups := float64(x.dir.n.Load())
			t.Logf("%d forged secrets in %v: %.1f look-ups of them a second, %.0f Redis commands a second",
				sent, long, lookups/long.Seconds(), float64(x.commands()-at)/long.Seconds())
			switch {
			case s.tags != nil:
				require.Zero(t, lookups)
			case !s.bounds():
			case full:
				require.Less(t, lookups, 10*long.Seconds())
			default: // the bursts, and what was under way at once
				require.LessOrEqual(t, lookups, float64(s.addresses)*(60+48+2))
				require.Positive(t, lookups)
			}
			if full {
				require.Greater(t, sent, 900_000)
				x.compare(s)
			}
		})
	}
}

// compare has quiet turns and floods alternate, and compares the times of good clients.
func (x *siege) compare(s setUp) {
	const turns, long = 30, 2 * time.Second
	var quiet, flooded []time.Duration
	var commands [2]int64
	for range turns {
		at := x.commands()
		p99, _ := x.turn(long, -1)
		quiet = append(quiet, p99)
		between := x.commands()
		p99, _ = x.turn(long, s.addresses)
		flooded = append(flooded, p99)
		commands[0] += between - at
		commands[1] += x.commands() - between
	}
	slices.Sort(quiet)
	slices.Sort(flooded)
	const median = turns / 2
	ratio := flooded[median].Seconds() / quiet[median].Seconds()
	x.t.Logf("Redis commands a second: %.0f quiet, %.0f in the flood; p99 of good clients, median turn: %v quiet (%v to %v), %v in the flood (%v to %v), ratio %.2f",
		float64(commands[0])/turns/long.Seconds(), float64(commands[1])/turns/long.Seconds(),
		quiet[median], quiet[0], quiet[turns-1], flooded[median], flooded[0], flooded[turns-1], ratio)
	if s.bounds() {
		require.LessOrEqual(x.t, ratio, 1.5)
	}
}
