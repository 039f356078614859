package gate

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// silence notices that nobody runs a Listener, so that the Gate hears of no changes.
type silence struct {
	listener usageplan.Listener
	settled  atomic.Bool // the listener was seen listening, or the Logger was warned
}

func newSilences(keys apikey.Store, plans usageplan.Store, cfg Config) (all []*silence) {
	for _, s := range directories(keys, plans) {
		if l, ok := s.(usageplan.Listener); ok {
			all = append(all, &silence{listener: l})
		}
	}
	return all
}

// checkSilence warns of each Listener, once, that was never seen listening and has had
// MaxAge to begin.
func (r *resolver) checkSilence(ctx context.Context, now time.Duration) {
	for _, s := range r.silences {
		if r.logger != nil && !s.settled.Load() && s.isSilent(now, r.maxAge) {
			r.logger.LogAttrs(ctx, slog.LevelWarn, "ration: Run of the store of keys and plans is not running: "+
				"a change by another process is seen when a key is read again", slog.Duration("maxAge", r.maxAge))
		}
	}
}

// isSilent reports, once, that nobody has run the listener within the grace.
func (s *silence) isSilent(now, grace time.Duration) bool {
	listening := s.listener.Listening()
	return (listening || now >= grace) && !s.settled.Swap(true) && !listening
}
