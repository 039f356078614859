package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// breakable is a Counter that fails while broken is set.
type breakable struct {
	store.Counter
	broken atomic.Bool
}

func (b *breakable) Take(ctx context.Context, c *store.Charge) error {
	if b.broken.Load() {
		return errBroken
	}
	return b.Counter.Take(ctx, c)
}

// breakableKeys is a store of keys that fails while broken is set.
type breakableKeys struct {
	apikey.Store
	broken atomic.Bool
}

func (b *breakableKeys) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if b.broken.Load() {
		return apikey.Key{}, errBroken
	}
	return b.Store.KeyByDigest(ctx, d)
}

// outageRequests is how many requests come in an outage of 10s.
const outageRequests = 1000

// playOutage sends requests before, in and after an outage, and returns the log. The
// function broken begins and ends the outage.
func playOutage(t *testing.T, handler http.Handler, secret string, log *bytes.Buffer, broken func(bool)) []string {
	send := func() { serve(handler, with(secret)) }
	send()
	time.Sleep(time.Second)
	broken(true)
	for range outageRequests {
		send()
		time.Sleep(10 * time.Second / outageRequests)
	}
	broken(false)
	for range 60 {
		send()
		time.Sleep(time.Second)
	}
	var lines []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(line, "level=")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// TestOutageHasTwoLines sends 1,000 requests in an outage. The log has its beginning, and
// its end with a count, and no line for each request.
func TestOutageHasTwoLines(t *testing.T) {
	for _, test := range []struct {
		what   string
		change func(*parts, *breakable, *breakableKeys)
		mw     func(broken *atomic.Bool) middleware.Config
		want   []string
	}{
		{
			what: "the Counter",
			want: []string{
				`ERROR msg="ration: decision failed: the Counter of the Gate fails" allowed=false key=KEY error="gate: charge: broken"`,
				`INFO msg="ration: charges succeed again" after=10s requests=1000`,
			},
		},
		{
			what:   "the Counter, while quotas are open",
			change: func(p *parts, _ *breakable, _ *breakableKeys) { p.OnFailure.Quota = gate.FailOpen },
			want: []string{
				`ERROR msg="ration: decision failed: the Counter of the Gate fails" allowed=true key=KEY error="gate: charge: broken"`,
				`INFO msg="ration: charges succeed again" after=10s requests=1000`,
			},
		},
		{
			what: "the store of keys",
			change: func(p *parts, _ *breakable, keys *breakableKeys) {
				keys.Store, p.Keys = p.Keys, keys
				p.MaxAge, p.MaxStale = 1, 1
			},
			want: []string{
				`ERROR msg="ration: decision failed" allowed=false error="gate: key: broken"`,
				`INFO msg="ration: decisions succeed again" after=10s requests=1000`,
			},
		},
		{
			what: "Config.Credential",
			mw: func(broken *atomic.Bool) middleware.Config {
				return middleware.Config{Credential: func(r *http.Request) (middleware.Credential, error) {
					if broken.Load() {
						return middleware.Credential{}, errBroken
					}
					return middleware.Header("X-API-Key")(r)
				}}
			},
			want: []string{
				`ERROR msg="ration: decision failed: Config.Credential fails" allowed=false error=broken`,
				`INFO msg="ration: Config.Credential succeeds again" after=10s requests=1000`,
			},
		},
		{
			what:   "requests that break a rule",
			change: func(p *parts, _ *breakable, _ *breakableKeys) { inTokens(p) },
			mw: func(broken *atomic.Bool) middleware.Config {
				return middleware.Config{Costs: func(*http.Request) usageplan.Costs {
					if broken.Load() {
						return usageplan.Costs{-1}
					}
					return usageplan.Costs{}
				}}
			},
			want: []string{
				`ERROR msg="ration: decision failed: the request breaks a rule" allowed=false error="gate: invalid request: costs[0] (tokens): -1: want 0 to 2^53-1"`,
				`INFO msg="ration: no more requests break a rule" after=10s requests=1000`,
			},
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				counter, keys, function := &breakable{}, &breakableKeys{}, new(atomic.Bool)
				h := newFixture(t, func(p *parts) {
					counter.Counter, p.Counter = p.Counter, counter
					if test.change != nil {
						test.change(p, counter, keys)
					}
				})
				key, secret := h.key(&usageplan.Plan{Quotas: perDay(1e6)})
				var cfg middleware.Config
				if test.mw != nil {
					cfg = test.mw(function)
				}
				cfg.Insecure.Allow = true // no warning
				cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
				lines := playOutage(t, h.middleware(cfg).Handler(ok), secret, &log, func(on bool) {
					switch {
					case cfg.Credential != nil, cfg.Costs != nil:
						function.Store(on)
					case keys.Store != nil:
						keys.broken.Store(on)
					default:
						counter.broken.Store(on)
					}
				})
				for i := range lines {
					lines[i] = strings.ReplaceAll(lines[i], key.ID, "KEY")
				}
				require.Equal(t, test.want, lines)
			})
		})
	}
}

// TestLimitByOutageHasTwoLines is TestOutageHasTwoLines for a LimitBy.
func TestLimitByOutageHasTwoLines(t *testing.T) {
	for _, test := range []struct {
		what string
		err  error // of the key function; nil: the Counter fails
		want []string
	}{
		{"the Counter", nil, []string{
			`ERROR msg="ration: the limit could not be checked" limit=rate error=`,
			`INFO msg="ration: the limit can be checked again" after=10s requests=1000`,
		}},
		{"the key function", errors.New("broken"), []string{
			`ERROR msg="ration: the key function of a limit failed" limit=rate error=broken`,
			`INFO msg="ration: the key function of a limit succeeds again" after=10s requests=1000`,
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				counter := &breakable{Counter: memory.New(memory.Config{})}
				var function atomic.Bool
				key := func(*http.Request) (string, error) {
					if function.Load() {
						return "", test.err
					}
					return "me", nil
				}
				limit := must(middleware.LimitBy(newLimiter(t, counter, limiter.PerSecond(1000)), key,
					middleware.LimitConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
				lines := playOutage(t, limit(ok), "", &log, func(on bool) {
					if test.err != nil {
						function.Store(on)
					} else {
						counter.broken.Store(on)
					}
				})
				require.Len(t, lines, len(test.want))
				for i := range lines {
					require.Contains(t, lines[i], test.want[i])
				}
			})
		})
	}
}
