package apigateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// A backend has all interfaces of a store.
type backend interface {
	apikey.Store
	usageplan.Store
	store.Counter
}

var backends = map[string]func(b *testing.B) backend{
	"memory": func(*testing.B) backend { return memory.New(memory.Config{}) },
	"redis": func(b *testing.B) backend {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Start(b)}, DisableCache: true})
		require.NoError(b, err)
		b.Cleanup(client.Close)
		st, err := redis.New(client, redis.Config{})
		require.NoError(b, err)
		return st
	},
}

// BenchmarkKeys creates and gets keys in small and large stores, through the service and
// through the protocol over HTTP. The medians count. For comparison, the memory store is
// measured beside a Go map of the same keys: most of the cost in a large store is cache
// misses.
func BenchmarkKeys(b *testing.B) {
	for name, open := range backends {
		for _, n := range []int{1000, 1_000_000} {
			if testing.Short() && n > 1000 {
				continue
			}
			b.Run(fmt.Sprintf("store=%s/keys=%d", name, n), func(b *testing.B) {
				st := open(b)
				seed(b, st, n)
				// The ids are at another place in memory than the keys, like those of requests. After
				// 1,000 rounds the same ids come again.
				asked := make([]string, 1000)
				for i := range asked {
					asked[i] = seeded(i * 7919 % n)
				}
				id := func(i int) string { return asked[i%len(asked)] }
				g, err := gate.New(st, st, st, gate.Config{})
				require.NoError(b, err)
				defer g.Close()
				keys := must(apikey.NewService(st, apikey.Config{}))
				h, err := apigateway.New(keys, must(usageplan.NewService(st, st, usageplan.Config{})), g, accept, apigateway.Config{})
				require.NoError(b, err)
				server := httptest.NewServer(h)
				defer server.Close()

				if name == "memory" {
					floor := map[string]*apikey.Key{}
					for i := range n {
						floor[seeded(i)] = &apikey.Key{ID: seeded(i)}
					}
					timed(b, "map", func(i int) error {
						if k := *floor[id(i)]; k.ID != id(i) {
							return apikey.ErrNotFound
						}
						return nil
					})
				}
				timed(b, "direct/create", func(int) error {
					_, _, err := keys.Create(b.Context(), apikey.Key{Name: "new", Enabled: true})
					return err
				})
				timed(b, "direct/get", func(i int) error {
					_, err := keys.Get(b.Context(), id(i))
					return err
				})
				timed(b, "http/create", func(int) error {
					return ask(b.Context(), "POST", server.URL+"/apikeys", `{"name": "new", "enabled": true}`, 201)
				})
				timed(b, "http/get", func(i int) error {
					return ask(b.Context(), "GET", server.URL+"/apikeys/"+id(i), "", 200)
				})
			})
		}
	}
}

func seeded(i int) string { return fmt.Sprintf("k%09d", i) }

// seed creates n keys, many at a time.
func seed(b *testing.B, st backend, n int) {
	var wg sync.WaitGroup
	const callers = 128
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n; i += callers {
				id := seeded(i)
				k := apikey.Key{ID: id, Name: "seeded", Digest: apikey.DigestOf(id), Enabled: true, Created: time.Now().UTC(), Version: 1}
				if err := st.InsertKey(b.Context(), k); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// timed reports the median in addition to the mean.
func timed(b *testing.B, name string, one func(i int) error) {
	b.Run(name, func(b *testing.B) {
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			began := time.Now()
			if err := one(i); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "median-us")
	})
}

func ask(ctx context.Context, method, url, body string, status int) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != status {
		return fmt.Errorf("status %d: want %d", resp.StatusCode, status)
	}
	return nil
}
