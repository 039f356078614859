package benchmarks

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/didip/tollbooth/v7"
	"github.com/go-chi/httprate"
	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/stretchr/testify/require"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	ulule "github.com/ulule/limiter/v3"
	ululememory "github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// limit is a burst, and the time after which one more request is admitted. Libraries that
// count windows get the burst as the limit of a day, so that no window ends during a
// measurement.
type limit struct {
	burst int
	every time.Duration
}

const window = 24 * time.Hour

// decide reports whether a request of the key is admitted.
type decide func(ctx context.Context, key string) (bool, error)

// throttles lists Ration and its peers in memory. tb's cleanup ends what open starts.
var throttles = []struct {
	name string
	open func(tb testing.TB, l limit) decide
}{
	{"ration", openRation},
	{"xtime", openXTime},
	{"go-limiter", openGoLimiter},
	{"throttled", openThrottled},
	{"ulule", openUlule},
	{"httprate", openHTTPRate},
	{"tollbooth", openTollbooth},
}

func openRation(tb testing.TB, l limit) decide {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.Limit{Rate: rate.Every(l.every), Burst: l.burst}, limiter.Config{})
	require.NoError(tb, err)
	return func(ctx context.Context, key string) (bool, error) {
		r, err := lim.Allow(ctx, key)
		return r.Allowed, err
	}
}

// openXTime makes an x/time limiter for each key, in the usual way: in a map behind a
// mutex.
func openXTime(_ testing.TB, l limit) decide {
	var mu sync.Mutex
	limiters := map[string]*rate.Limiter{}
	of := func(key string) *rate.Limiter {
		mu.Lock()
		defer mu.Unlock()
		lim, ok := limiters[key]
		if !ok {
			lim = rate.NewLimiter(rate.Every(l.every), l.burst)
			limiters[key] = lim
		}
		return lim
	}
	return func(_ context.Context, key string) (bool, error) { return of(key).Allow(), nil }
}

// openGoLimiter uses an interval that does not end during a measurement. At the end of an
// interval the library gives back interval/tokens tokens for each interval that has
// passed. With many tokens that is none.
func openGoLimiter(tb testing.TB, l limit) decide {
	store, err := memorystore.New(&memorystore.Config{Tokens: uint64(l.burst), Interval: window})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close(context.Background())) })
	return func(ctx context.Context, key string) (bool, error) {
		_, _, _, ok, err := store.Take(ctx, key)
		return ok, err
	}
}

// openThrottled leaves the number of keys unbounded. With a bound the store is an LRU
// cache, and each look-up takes a mutex to move the key to the front. A cache of 65,536
// keys, as in the library's README, would forget half of the keys here.
func openThrottled(tb testing.TB, l limit) decide {
	store, err := memstore.NewCtx(0)
	require.NoError(tb, err)
	return openGCRA(tb, store, l)
}

func openGCRA(tb testing.TB, store throttled.GCRAStoreCtx, l limit) decide {
	lim, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerDuration(1, l.every), MaxBurst: l.burst - 1,
	})
	require.NoError(tb, err)
	lim.SetMaxCASAttemptsLimit(1 << 20) // the default is to fail after ten lost races
	return func(ctx context.Context, key string) (bool, error) {
		limited, _, err := lim.RateLimitCtx(ctx, key, 1)
		return !limited, err
	}
}

func openUlule(_ testing.TB, l limit) decide {
	return openFixedWindow(ululememory.NewStore(), l)
}

func openFixedWindow(store ulule.Store, l limit) decide {
	lim := ulule.New(store, ulule.Rate{Period: window, Limit: int64(l.burst)})
	return func(ctx context.Context, key string) (bool, error) {
		r, err := lim.Get(ctx, key)
		return !r.Reached, err
	}
}

// openHTTPRate calls the library's limiter below its middleware. The limiter needs a
// request all the same. It is configured to write no headers.
func openHTTPRate(_ testing.TB, l limit) decide {
	lim := httprate.NewRateLimiter(l.burst, window, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	return func(_ context.Context, key string) (bool, error) { return !lim.OnLimit(w, r, key), nil }
}

// openTollbooth calls the function that the library's README names for custom middleware.
func openTollbooth(_ testing.TB, l limit) decide {
	lim := tollbooth.NewLimiter(float64(rate.Every(l.every)), nil).SetBurst(l.burst)
	return func(_ context.Context, key string) (bool, error) {
		return tollbooth.LimitByKeys(lim, []string{key}) == nil, nil
	}
}
