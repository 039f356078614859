package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// leased returns a Counter that leases units of counter, also as a *lease.Counter. It
// returns counter itself if there is no Config.Lease.
func (cfg *Config) leased(counter store.Counter) (store.Counter, *lease.Counter, error) {
	if cfg.Lease == nil {
		return counter, nil, nil
	}
	if store.IsLocal(counter) {
		return counter, nil, errors.New("lease: a Counter that is store.Local: want nil, since it gains nothing by leases")
	}
	own := *cfg.Lease
	own.Logger = cmp.Or(own.Logger, cfg.Logger)
	own.Timeout = cmp.Or(own.Timeout, max(0, cfg.Timeout))
	leases, err := lease.New(counter, own)
	if err != nil {
		return counter, nil, fault.In("lease", err)
	}
	return leases, leases, nil
}

// Counter returns the Counter that the Gate charges. With Config.Lease it is not the one
// that New was given, but a lease.Counter over it. Services in this process that charge
// the same subjects use it as well, such as usageplan.Groups.
func (g *Gate) Counter() store.Counter { return g.counter }

// maxClose bounds how long Close gives leases back.
const maxClose = 10 * time.Second

// Close ends the Gate's subscriptions to changes. A closed Gate still decides, but
// changes take effect only when a key is read again, after MaxAge at the latest.
//
// With Config.Lease, Close also charges what was spent and is not yet charged, and gives
// back what was leased and not spent. So call it after the last request, and before the
// Counter is closed. It takes 10s at most. An error says that the Counter failed. Another
// call of Close gives back what the Counter has certainly not taken back. Everything else
// counts as used until its window ends.
func (g *Gate) Close() error {
	for _, stop := range g.stop {
		stop()
	}
	g.stop = nil
	if g.leases == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxClose)
	defer cancel()
	if err := g.leases.Close(ctx); err != nil {
		return fmt.Errorf("gate: close: %w", err)
	}
	return nil
}
