package alert_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// remote hides that a store is in this process.
type remote struct{ store.Counter }

// overRemote has a process charge a store that is not store.Local.
func overRemote(cfg *gate.Config, c *store.Counter) {
	*c = remote{*c}
	cfg.Timeout = time.Minute // the machine may be busy
}

// TestProcesses has several processes spend the quotas of several keys at once. Every
// threshold of every key fires, and repeats have the same ID.
func TestProcesses(t *testing.T) {
	for name, change := range map[string]func(*gate.Config, *store.Counter){
		"local": func(*gate.Config, *store.Counter) {}, "remote": overRemote,
		"leases": func(cfg *gate.Config, c *store.Counter) {
			overRemote(cfg, c)
			cfg.Lease = new(lease.Config{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			keys := []string{"a", "b", "c"}
			for _, k := range keys {
				s.key(k, plan("p", "300 tokens/month as month", "1000/month as requests"))
			}
			var all []*process
			var wg sync.WaitGroup
			for range 4 {
				p := s.process(alert.Config{}, change)
				all = append(all, p)
				for _, k := range keys {
					wg.Go(func() {
						for range 150 {
							p.spend(k, 1)
						}
					})
				}
			}
			wg.Wait()
			var events []alert.Event
			for _, p := range all {
				own := p.deliver()
				require.Len(t, ids(own), len(own), "a process fires each once")
				events = append(events, own...)
			}
			by := map[string]map[int]bool{}
			for _, e := range events {
				require.GreaterOrEqual(t, e.Used*100, e.Max*int64(e.Threshold))
				if by[e.KeyID+e.Limit] == nil {
					by[e.KeyID+e.Limit] = map[int]bool{}
				}
				by[e.KeyID+e.Limit][e.Threshold] = true
			}
			for _, k := range keys {
				require.Equal(t, map[int]bool{50: true, 80: true, 100: true}, by[k+"month"])
			}
			require.Len(t, ids(events), 3*len(keys), "300 of 1000 requests are below every threshold")
		})
	}
}

// lossy loses the answers to charges while it is lost.
type lossy struct {
	store.Counter
	lost bool
}

func (l *lossy) Take(ctx context.Context, c *store.Charge) error {
	err := l.Counter.Take(ctx, c)
	if l.lost && err == nil {
		return errors.New("connection reset")
	}
	return err
}

// TestLostAnswer loses the answer of the charge that crosses a threshold. The next
// decision fires it, in that process or another, also if it is refused or only peeks.
func TestLostAnswer(t *testing.T) {
	for name, next := range map[string]func(p *process){
		"a request":         func(p *process) { p.spend("a", 0) },
		"a refused request": func(p *process) { require.False(t, p.spend("a", 9).Allowed) },
		"a Peek": func(p *process) {
			_, err := p.Peek(t.Context(), gate.Request{KeyID: "a"})
			require.NoError(t, err)
		},
	} {
		for _, other := range []bool{false, true} {
			s := newService(t)
			s.key("a", plan("p", "10 tokens/day as day"))
			l := new(lossy)
			p := s.process(alert.Config{}, func(cfg *gate.Config, c *store.Counter) {
				l.Counter, *c = *c, l
				cfg.OnFailure = gate.FailurePolicy{Quota: gate.FailOpen}
			})
			l.lost = true
			d, err := p.Admit(t.Context(), gate.Request{KeyID: "a", Costs: usageplan.Costs{8}})
			require.ErrorContains(t, err, "connection reset")
			require.True(t, d.Degraded)
			require.Empty(t, p.said())
			l.lost = false
			if other {
				p = s.process(alert.Config{})
			}
			next(p)
			require.Equal(t, "key a day 50%: 8/10; key a day 80%: 8/10", p.said(), name)
		}
	}
}

// TestRestart restarts a process after each request. Repeats have one ID for each
// threshold.
func TestRestart(t *testing.T) {
	s := newService(t)
	s.key("a", plan("p", "10 tokens/day as day"))
	var events []alert.Event
	for range 12 {
		p := s.process(alert.Config{})
		p.spend("a", 1)
		events = append(events, p.deliver()...)
	}
	require.Len(t, ids(events), 3)
	require.Greater(t, len(events), 3)
}

// TestLeasedBlocks checks when a process with leases fires, while another one has leased
// units. It is early by no more than what the other has, and never late.
func TestLeasedBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "10000 tokens/month as month"))
		overLeases := func(cfg *gate.Config, c *store.Counter) {
			overRemote(cfg, c)
			cfg.Lease = new(lease.Config{})
		}
		p, other := s.process(alert.Config{Thresholds: []int{50}}, overLeases), s.process(alert.Config{Thresholds: []int{50}}, overLeases)
		spent, fired := int64(0), int64(0)
		for fired == 0 {
			for _, each := range []*process{p, other} {
				require.True(t, each.spend("a", 1).Allowed)
				spent++
				if events := each.deliver(); len(events) > 0 && fired == 0 {
					fired = spent
					require.GreaterOrEqual(t, events[0].Used, int64(5000))
				}
			}
			time.Sleep(time.Millisecond)
			require.LessOrEqual(t, spent, int64(5001))
		}
		t.Log("fired after", fired, "units")
		require.Greater(t, fired, int64(5000-10000/16))
		require.NoError(t, p.Close())
		require.NoError(t, other.Close())
	})
}
