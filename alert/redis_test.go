package alert_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// TestRedis has two processes count in Redis, with and without leases. A hard and a soft
// quota fire in whichever process reaches a threshold, also by a settlement.
func TestRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Redis")
	}
	counter := must(redis.Open("redis://"+redistest.Start(t), redis.Config{}))
	defer counter.Close()
	for name, leases := range map[string]*lease.Config{"exact": nil, "leases": {}} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.key(name, plan("p", "10000 tokens/month as hard", "10000 tokens/month soft as soft"))
			inRedis := func(cfg *gate.Config, c *store.Counter) {
				*c, cfg.Lease, cfg.Timeout = counter, leases, time.Minute
			}
			a, b := s.process(alert.Config{}, inRedis), s.process(alert.Config{}, inRedis)
			a.spend(name, 3000)
			require.Empty(t, a.said())
			b.spend(name, 2000)
			require.Equal(t, "key "+name+" hard 50%: 5000/10000; key "+name+" soft 50%: 5000/10000", b.said())
			d := a.spend(name, 1)
			require.Len(t, a.deliver(), 2, "it has not seen them")
			require.NoError(t, a.Settle(t.Context(), d, usageplan.Costs{3000}))
			require.Equal(t, "key "+name+" hard 80%: 8000/10000; key "+name+" soft 80%: 8000/10000", a.said())
			b.spend(name, 9000)
			require.Equal(t, "key "+name+" hard 80%: 8000/10000; key "+name+" soft 80%: 8000/10000", b.said(), "a refused request")
			b.spend(name, 2000)
			require.Equal(t, "key "+name+" hard 100%: 10000/10000; key "+name+" soft 100%: 10000/10000", b.said())
		})
	}
}
