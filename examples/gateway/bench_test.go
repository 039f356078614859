package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// BenchmarkProxy compares the gateway with the same reverse proxy without enforcement, in
// requests a second. The two take short turns, so that both see the same load of the
// machine. The ratio is the median over the turns.
func BenchmarkProxy(b *testing.B) {
	upstreamServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer upstreamServer.Close()
	target, err := url.Parse(upstreamServer.URL)
	require.NoError(b, err)
	cfg := config{upstream: target, aws: true}
	log := slog.New(slog.DiscardHandler)
	bare := httptest.NewServer(upstream(cfg, log))
	defer bare.Close()

	st := &stores.Opened{Backend: memory.New(memory.Config{})}
	gw, err := newGateway(cfg, st, log)
	require.NoError(b, err)
	defer gw.gate.Close()
	enforcing := httptest.NewServer(gw.data)
	defer enforcing.Close()
	k, secret, planID := subscribe(b, st)

	const callers, each = 32, 100
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	turn := func(url string) time.Duration {
		began := time.Now()
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range each {
					if err := hello(client, url, secret); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	}
	turn(bare.URL)
	turn(enforcing.URL) // opens the connections
	var ratios []float64
	n, both := 0, [2]time.Duration{}
	for b.Loop() {
		one, two := turn(bare.URL), turn(enforcing.URL)
		ratios = append(ratios, float64(one)/float64(two))
		both[0], both[1], n = both[0]+one, both[1]+two, n+callers*each
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-bare")
	b.ReportMetric(float64(n)/both[0].Seconds(), "bare-req/s")
	b.ReportMetric(float64(n)/both[1].Seconds(), "gateway-req/s")
	used, err := gw.gate.UsageByDay(b.Context(), planID, k.ID, usageplan.Requests, 1)
	require.NoError(b, err)
	require.EqualValues(b, n+callers*each, used[0].Used, "each was charged")
}

// subscribe creates a key in a plan that admits every request.
func subscribe(b *testing.B, st *stores.Opened) (apikey.Key, apikey.Secret, string) {
	k, secret, err := must(apikey.NewService(st.Backend, apikey.Config{})).Create(b.Context(), apikey.Key{Enabled: true})
	require.NoError(b, err)
	plans := must(usageplan.NewService(st.Backend, st.Backend, usageplan.Config{}))
	p, err := plans.Create(b.Context(), usageplan.Plan{Name: "p", Throttle: &limiter.Limit{Rate: 1e6, Burst: 1e6}, Quotas: []quota.Quota{{Limit: 1e12, Period: quota.Day}}})
	require.NoError(b, err)
	require.NoError(b, plans.Link(b.Context(), p.ID, k.ID))
	return k, secret, p.ID
}

func hello(client *http.Client, url string, secret apikey.Secret) error {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Api-Key", string(secret))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "hello" {
		return fmt.Errorf("status %d, %q: %w", resp.StatusCode, text, err)
	}
	return nil
}
