package prometheus_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/middleware"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// TestFleet sends requests to ten gateways over one Redis, which is killed under load and
// started again. Some requests are refused, some fail and are refunded, and some are
// settled. The sums of all metrics are what the clients have counted.
//
// RATION_MANY_ROUNDS makes it 100,000 requests.
func TestFleet(t *testing.T) {
	n := 5_000
	if os.Getenv("RATION_MANY_ROUNDS") != "" {
		n = 100_000
	}
	f := newFleet(t, 10, n)
	killed, restarted := make(chan struct{}), make(chan struct{})
	f.sending.Go(func() { f.send(0, n*4/5, map[int]chan struct{}{n * 2 / 5: killed, n * 3 / 5: restarted}) })
	<-killed
	f.server.Kill()
	<-restarted
	f.server.Restart(t)
	f.recovers()
	f.send(n*4/5, n, nil)
	f.close()

	want, got := f.counted(), f.gathered()
	for _, some := range []string{
		"pro allowed", "pro store_failed", "few refused", "open degraded", "soft would_refuse",
		"pro settle ok", "pro refund", "pro returned requests", "few charged tokens",
	} {
		require.Positive(t, want[some], "%s: %v", some, want)
	}
	require.Equal(t, want, got)
	t.Logf("%d requests: %v", n, want)
}

// kinds of requests, by the path.
const (
	plain  = "/plain"
	fails  = "/fails"  // is answered with 500, and refunded
	settle = "/settle" // is settled to 8 tokens
)

// cost is what each request is charged at first.
const cost, settled = 3, 8

// A fleet is a number of gateways over one Redis, and what their clients have counted.
type fleet struct {
	t        *testing.T
	server   *redistest.Server
	gateways []*gateway
	secrets  map[string]apikey.Secret // by plan
	client   http.Client
	mu       sync.Mutex
	counts   map[string]int
	sending  sync.WaitGroup
}

type gateway struct {
	reg   *prometheus.Registry
	gate  *gate.Gate
	store *redis.Store
	http  *httptest.Server
}

func newFleet(t *testing.T, gateways, requests int) *fleet {
	f := &fleet{t: t, server: redistest.StartServer(t), secrets: map[string]apikey.Secret{}, counts: map[string]int{}}
	f.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	dir := memory.New(memory.Config{})
	keys, err := apikey.NewService(dir, apikey.Config{})
	require.NoError(t, err)
	plans, err := usageplan.NewService(dir, dir, usageplan.Config{Units: units})
	require.NoError(t, err)
	for id, texts := range map[string][]string{
		"pro":  {"unlimited", "1000000000/day"},
		"few":  {"unlimited", fmt.Sprint(requests/50, "/day")},
		"open": {"1000000/s burst 1000000"},
		"soft": {"unlimited", "10/day soft as trial"},
	} {
		p, err := usageplan.Parse(id, texts[0], texts[1:]...)
		require.NoError(t, err)
		_, err = plans.Put(t.Context(), p)
		require.NoError(t, err)
		key, secret, err := keys.Create(t.Context(), apikey.Key{Name: id, Enabled: true})
		require.NoError(t, err)
		require.NoError(t, plans.Link(t.Context(), id, key.ID))
		f.secrets[id] = secret
	}
	for range gateways {
		f.gateways = append(f.gateways, f.gateway(dir))
	}
	return f
}

// gateway starts one gateway.
func (f *fleet) gateway(dir *memory.Store) *gateway {
	gw := &gateway{reg: prometheus.NewRegistry()}
	o, err := rationprom.New(rationprom.Config{Registerer: gw.reg, Units: units})
	require.NoError(f.t, err)
	gw.store, err = redis.Open("redis://"+f.server.Addr, redis.Config{})
	require.NoError(f.t, err)
	gw.gate, err = gate.New(dir, dir, gw.store, gate.Config{Units: units, Observer: o, Timeout: time.Second})
	require.NoError(f.t, err)
	require.NoError(f.t, o.Watch(gw.gate))
	mw, err := middleware.New(gw.gate, middleware.Config{
		Costs:  func(*http.Request) usageplan.Costs { return usageplan.Costs{cost} },
		Refund: func(status int) bool { return status == http.StatusInternalServerError },
	})
	require.NoError(f.t, err)
	gw.http = httptest.NewServer(mw.Handler(http.HandlerFunc(handle)))
	return gw
}

// handle does what the path says, and tells the client what it knows of the decision.
func handle(w http.ResponseWriter, r *http.Request) {
	d, _ := middleware.DecisionFromContext(r.Context())
	would := 0
	for range d.WouldRefuse() {
		would++
	}
	w.Header().Set("Degraded", strconv.FormatBool(d.Degraded))
	w.Header().Set("Would", strconv.Itoa(would))
	switch r.URL.Path {
	case fails:
		w.WriteHeader(http.StatusInternalServerError)
	case settle:
		w.Header().Set("Settled", "ok")
		if err := middleware.Settle(context.WithoutCancel(r.Context()), usageplan.Costs{settled}); err != nil {
			w.Header().Set("Settled", "failed")
		}
	}
}

// send sends the requests from the first to that before the last, some at a time. It
// closes the channel of a request when that request is sent.
func (f *fleet) send(first, last int, reached map[int]chan struct{}) {

	var next atomic.Int64
	next.Store(int64(first) - 1)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i >= last {
					return
				}
				plan := []string{"pro", "few", "open", "soft"}[i%4]
				path := plain
				switch {
				case i%7 == 0:
					path = fails
				case i%5 == 0:
					path = settle
				}
				if c := reached[i]; c != nil {
					close(c)
				}
				f.request(f.gateways[i/4%len(f.gateways)], plan, path)
			}
		})
	}
	wg.Wait()
}

// request sends one request and counts its answer.
func (f *fleet) request(gw *gateway, plan, path string) {
	req, err := http.NewRequest("POST", gw.http.URL+path, http.NoBody)
	if err != nil {
		panic(err)
	}
	req.Header.Set("X-API-Key", string(f.secrets[plan]))
	resp, err := f.client.Do(req)
	if err != nil {
		f.add(plan, "failed on its way", 1)
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusInternalServerError:
		f.admitted(plan, path, resp.Header)
	case http.StatusTooManyRequests:
		f.add(plan, "refused", 1)
	case http.StatusServiceUnavailable:
		f.add(plan, "store_failed", 1)
	default:
		f.add(plan, resp.Status, 1)
	}
}

// admitted counts a request that was admitted.
func (f *fleet) admitted(plan, path string, h http.Header) {
	would, _ := strconv.Atoi(h.Get("Would"))
	f.add(plan, "would_refuse", would)
	if h.Get("Degraded") == "true" {
		f.add(plan, "degraded", 1)
		return
	}
	f.add(plan, "allowed", 1)
	f.add(plan, "charged requests", 1)
	f.add(plan, "charged tokens", cost)
	switch {
	case path == fails:
		f.add(plan, "refund", 1)
	case h.Get("Settled") == "ok":
		f.add(plan, "settle ok", 1)
		f.add(plan, "charged tokens", settled-cost)
	case h.Get("Settled") == "failed":
		f.add(plan, "settle failed", 1)
	}
}

func (f *fleet) add(plan, what string, n int) {
	if n > 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.counts[plan+" "+what] += n
	}
}

// recovers waits until each gateway decides with Redis again. Clients count these
// requests, too.
func (f *fleet) recovers() {
	for _, gw := range f.gateways {
		require.Eventually(f.t, func() bool {
			before := f.count("pro allowed")
			f.request(gw, "pro", plain)
			return f.count("pro allowed") > before
		}, 20*time.Second, time.Millisecond)
	}
}

func (f *fleet) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[name]
}

// close ends the gateways after their last request.
func (f *fleet) close() {
	f.sending.Wait()
	f.client.CloseIdleConnections()
	for _, gw := range f.gateways {
		gw.http.Close()
		require.NoError(f.t, gw.gate.Close())
		gw.store.Close()
	}
}
