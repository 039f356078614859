package gate

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
)

// An outageLog is the Log of a store, which also counts what the store denied.
type outageLog struct {
	outage.Log
	denied atomic.Int64
}

// Fail notes a failure of the store.
func (o *outageLog) Fail(ctx context.Context, err error) {
	if errors.Is(err, store.ErrDenied) {
		o.denied.Add(1)
	}
	o.Log.Fail(ctx, err)
}

// outage returns the state for Stats.
func (o *outageLog) outage() Outage {
	s := o.State()
	return Outage{s.Failing, s.Since, s.Affected, s.Outages, s.AllAffected, o.denied.Load()}
}
