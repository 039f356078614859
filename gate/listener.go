package gate

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// listenerCheck watches whether the Run of a Listener is running. If it is not, the Gate
// does not hear of changes by other processes.
type listenerCheck struct {
	store    string // what is read from it, for Stats
	listener usageplan.Listener
	done     atomic.Bool // the listener was seen listening, or the warning was given
}

func newListenerChecks(keys apikey.Store, plans usageplan.Store) (all []*listenerCheck) {
	stores := directories(keys, plans)
	names := []string{"keys", "plans"}
	if len(stores) == 1 {
		names = []string{"keys and plans"}
	}
	for i, s := range stores {
		if l, ok := s.(usageplan.Listener); ok {
			all = append(all, &listenerCheck{store: names[i], listener: l})
		}
	}
	return all
}

// warnIfNotListening logs a warning, once for each Listener, if Run was not seen
// running within MaxAge of the Gate's start. It is called at look-ups, since a Gate runs
// nothing in the background.
func (r *resolver) warnIfNotListening(ctx context.Context, now time.Duration) {
	for _, c := range r.listenerChecks {
		if c.done.Load() || !c.isSilent(now, r.maxAge) {
			continue
		}
		r.mistakes.note(NotListening)
		if r.logger != nil {
			r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: Run of the store of keys and plans is not running: "+
				"changes by other processes are seen only when a key is read again", slog.Duration("maxAge", r.maxAge))
		}
	}
}

// isSilent reports, once, that nothing has run the listener within the grace period.
func (c *listenerCheck) isSilent(now, grace time.Duration) bool {
	listening := c.listener.ListenerState().Running
	return (listening || now >= grace) && !c.done.Swap(true) && !listening
}
