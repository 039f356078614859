package main

import (
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
)

// TestRollingRestart stops and starts two gateways, one after the other, while clients
// send requests to those that are ready. No request fails on its way. In the end exactly
// the requests that passed are counted, with and without leases. Of a request that was
// answered with 503, since the store took too long, it is not known whether it counts.
//
// A short run has two of the cases.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	program := program(t)
	redis := redistest.Start(t)
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		args []string
		long bool
	}{
		{name: "Redis", args: []string{"-store", "redis://" + redis}, long: true},
		{name: "Redis, leases", args: []string{"-store", "redis://" + redis, "-lease"}},
		{name: "SQLite", args: []string{"-store", "sqlite:" + filepath.Join(dir, "a.db")}},
		{name: "SQLite, leases", args: []string{"-store", "sqlite:" + filepath.Join(dir, "b.db"), "-lease"}, long: true},
	} {
		if test.long && !longtest.Enabled() {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			f := &fleet{t: t, program: program, args: append(test.args, "-leave", "500ms")}
			const enough, few = 1_000_000_000, 700
			f.begin()
			plans, keys, values := [2]string{}, [2]string{}, [2]string{}
			for i, limit := range []int{enough, few} {
				plans[i], keys[i], values[i] = f.slots[0].gateway.Load().plan(perDay(limit))
			}
			passed, unknown := f.load(values, func() {
				for range 1 + rounds()/25 {
					f.restart(0)
					f.restart(1)
				}
			})
			f.end()
			exact := start(t, test.args[:2]...)
			for i := range keys {
				used, _ := exact.usage(plans[i], keys[i])
				require.GreaterOrEqual(t, used, passed[i], "nothing is lost")
				require.LessOrEqual(t, used, passed[i]+unknown[i], "nothing is counted twice")
			}
			require.LessOrEqual(t, passed[1], few)
			require.Positive(t, passed[1])
			t.Logf("%v requests passed, and %v were not decided", passed, unknown)
		})
	}
}

// A fleet is two gateways over one store behind a load balancer.
type fleet struct {
	t       *testing.T
	program string
	args    []string
	slots   [2]slot
	client  http.Client
	polls   sync.WaitGroup
	ended   chan struct{}
}

// A slot is the place of one gateway at a time.
type slot struct {
	gateway atomic.Pointer[running]
	ready   atomic.Bool
}

// begin starts both gateways, and the polls of the load balancer.
func (f *fleet) begin() {
	f.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	f.ended = make(chan struct{})
	for i := range f.slots {
		f.start(i)
		f.polls.Go(func() { f.poll(&f.slots[i]) })
		f.becomes(i, true)
	}
}

// end stops the gateways.
func (f *fleet) end() {
	close(f.ended)
	f.polls.Wait()
	f.client.CloseIdleConnections()
	for i := range f.slots {
		require.NoError(f.t, f.slots[i].gateway.Load().stop())
	}
}

func (f *fleet) start(i int) {
	gw, _ := process(f.t, f.program, f.args...)
	f.slots[i].gateway.Store(gw)
}

// becomes waits until the load balancer knows whether a gateway is ready.
func (f *fleet) becomes(i int, ready bool) {
	require.Eventually(f.t, func() bool { return f.slots[i].ready.Load() == ready }, 10*time.Second, time.Millisecond)
}

// restart stops one gateway, and starts another one in its place.
func (f *fleet) restart(i int) {
	old := f.slots[i].gateway.Load()
	stopped := make(chan error, 1)
	go func() { stopped <- old.stop() }()
	f.becomes(i, false)
	require.NoError(f.t, <-stopped)
	f.start(i)
	f.becomes(i, true)
}

// poll asks a gateway whether it is ready, as a load balancer does.
func (f *fleet) poll(s *slot) {
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-f.ended:
			tick.Stop()
			return
		case <-tick.C:
		}
		resp, err := f.client.Get(s.gateway.Load().control + "/readyz")
		s.ready.Store(err == nil && resp.StatusCode == http.StatusOK)
		if err == nil {
			_ = resp.Body.Close()
		}
	}
}

// load sends requests with both keys while do runs. It returns how many passed of each,
// and of how many it is not known whether they were charged.
func (f *fleet) load(values [2]string, do func()) (passed, unknown [2]int) {
	counts := [2]map[int]int{{}, {}} // by status
	var mu sync.Mutex
	var stop atomic.Bool
	var wg sync.WaitGroup
	for worker := range 8 {
		key := worker % 2
		wg.Go(func() {
			for n := worker; !stop.Load(); n++ {
				status := f.send(n/2, values[key])
				mu.Lock()
				counts[key][status]++
				mu.Unlock()
			}
		})
	}
	do()
	stop.Store(true)
	wg.Wait()
	for key, by := range counts {
		passed[key], unknown[key] = by[http.StatusOK], by[http.StatusServiceUnavailable]
		require.Equal(f.t, by[http.StatusTooManyRequests]+passed[key]+unknown[key], sum(by), "no request fails on its way: %v", by)
	}
	return passed, unknown
}

func sum(by map[int]int) (n int) {
	for _, count := range by {
		n += count
	}
	return n
}

// send sends a request to a gateway that is ready, and returns its status. It is 0 if the
// request failed on its way.
func (f *fleet) send(n int, value string) int {
	s := &f.slots[n%2]
	if !s.ready.Load() {
		s = &f.slots[(n+1)%2]
	}
	req, err := http.NewRequest("POST", s.gateway.Load().data+"/", http.NoBody) // a POST is not sent twice
	if err != nil {
		panic(err)
	}
	req.Header.Set("X-Api-Key", value)
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Log(err)
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}
