package middleware_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// hanging is a directory whose look-ups by digest hang or fail on demand.
type hanging struct {
	apikey.Store
	usageplanStore
	hangs, fails *atomic.Bool
}

type usageplanStore interface {
	usageplan.Store
	usageplan.GroupStore
}

func (s hanging) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if s.hangs.Load() {
		<-ctx.Done()
		return apikey.Key{}, ctx.Err()
	}
	if s.fails.Load() {
		return apikey.Key{}, context.DeadlineExceeded
	}
	return s.Store.KeyByDigest(ctx, d)
}

// TestFloodAnswersAreEqual sends every kind of bad secret while guesses use up the
// look-ups, and while the directory fails. All answers are the same, in every byte and in
// the time that they take, whether or not the secret is remembered. A valid key is
// admitted all the while.
func TestFloodAnswersAreEqual(t *testing.T) {
	testFlood(t, refusals)
}

// TestFloodWithoutGroup checks the same of keys without a plan and of keys whose groups
// are broken. From outside they look the same.
func TestFloodWithoutGroup(t *testing.T) {
	testFlood(t, planless)
}

func testFlood(t *testing.T, refusals func(*fixture) map[string]refusal) {
	for _, load := range []string{"idle", "flood", "outage", "guesses"} {
		for _, asked := range []string{"none", "those of keys", "all", "all, long ago"} {
			for name, refuse := range map[string]func(*middleware.Result, *httptest.ResponseRecorder){
				"problem": func(res *middleware.Result, w *httptest.ResponseRecorder) { res.WriteProblem(w) },
				"aws":     func(res *middleware.Result, w *httptest.ResponseRecorder) { res.WriteAWS(w) },
			} {
				t.Run(fmt.Sprint(load, "/asked=", asked, "/", name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						st := memory.New(memory.Config{})
						dir := hanging{st, st, new(atomic.Bool), new(atomic.Bool)}
						h := newFixture(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = dir, dir, st })
						h.keys, h.plans = must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})), must(usageplan.NewService(st, st, usageplan.Config{}))
						h.groups, h.store = must(usageplan.NewGroups(st, st, st, usageplan.Config{})), st
						mw := h.middleware(middleware.Config{XRateLimit: middleware.XRateLimitSeconds})
						_, valid := h.key(&usageplan.Plan{Quotas: perDay(10)})
						bad := refusals(h)
						time.Sleep(time.Minute)
						require.True(t, mw.Check(with(valid)).Allowed())
						for _, test := range bad {
							if strings.HasPrefix(asked, "all") || asked == "those of keys" && test.key != "" {
								mw.Check(with(test.secret))
							}
						}
						if asked == "all, long ago" {
							time.Sleep(time.Minute)
						}
						var wg sync.WaitGroup
						switch load {
						case "flood":
							dir.hangs.Store(true)
							for range 64 {
								_, guess, err := must(apikey.NewService(nowhere{}, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})).Create(t.Context(), apikey.Key{})
								require.NoError(t, err)
								wg.Go(func() { mw.Check(with(string(guess))) })
							}
							synctest.Wait()
						case "guesses": // more than Config.Guesses allows, from the same address
							for range 70 {
								mw.Check(with(string(must(apikey.Format{Prefix: "acme"}.New()))))
							}
						case "outage":
							dir.fails.Store(true)
							_, guess, err := must(apikey.NewService(nowhere{}, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})).Create(t.Context(), apikey.Key{})
							require.NoError(t, err)
							mw.Check(with(string(guess)))
						}
						answers := map[string][]string{}
						for what, test := range bad {
							began, w := time.Now(), httptest.NewRecorder()
							res := mw.Check(with(test.secret))
							refuse(res, w)
							sent := w.Result()
							sent.Header.Del("X-Amzn-Requestid") // random
							answer, err := httputil.DumpResponse(sent, true)
							require.NoError(t, err)
							all := string(answer) + time.Since(began).String()
							answers[all] = append(answers[all], what)
						}
						if len(answers) != 1 {
							t.Errorf("%d different answers: %q", len(answers), answers)
						}
						require.True(t, mw.Check(with(valid)).Allowed())
						wg.Wait()
						time.Sleep(time.Minute) // look-ups of known keys end
					})
				})
			}
		}
	}
}
