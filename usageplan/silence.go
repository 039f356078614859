package usageplan

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// silence notices that a Gate's Notifier is not being run, so that the Gate hears of no changes.
type silence struct {
	listener Listener      // nil: there is none, or it needs no Run
	grace    time.Duration // for the Run to begin
	settled  *atomic.Bool  // it was heard listening, or the Logger was warned
}

func newSilence(cfg GateConfig) silence {
	s := silence{grace: cfg.MaxAge, settled: new(atomic.Bool)}
	for _, store := range []any{cfg.Keys, cfg.Plans} {
		if l, ok := store.(Listener); ok {
			s.listener = l
		}
	}
	return s
}

// check warns, once, if the Notifier was never seen listening and has had the time to begin.
func (s *silence) check(ctx context.Context, now time.Duration, logger *slog.Logger) {
	if s.listener == nil || logger == nil || s.settled.Load() {
		return
	}
	listening := s.listener.Listening()
	if (listening || now >= s.grace) && !s.settled.Swap(true) && !listening {
		logger.LogAttrs(ctx, slog.LevelWarn, "usageplan: the store's Run is not running: changes by other processes are seen only when keys are read again",
			slog.Duration("maxAge", s.grace))
	}
}
