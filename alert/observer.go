package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
)

// ErrInvalid is wrapped by every error that reports bad input.
var ErrInvalid = errors.New("alert: invalid")

// An Observer fires Events when quotas reach their thresholds. Make one with New, give it
// to a Gate as gate.Config.Observer, and call Run. An Observer of several Gates fires
// each threshold once for all of them. It is safe for concurrent use.
type Observer struct {
	notify  func(context.Context, Event)
	cfg     Config
	queue   chan Event
	windows windows

	running   atomic.Int32
	idleSince atomic.Pointer[time.Time] // when the last Run ended, or the Observer was made
	saidIdle  atomic.Bool               // that Run is not running
	saidFull  atomic.Bool               // that the queue is full

	fired, delivered, dropped, untracked, idle atomic.Int64
}

// New returns an Observer that calls notify for each Event, from Run and never from a
// decision. The error reports every fault of the arguments at once and wraps ErrInvalid.
func New(notify func(context.Context, Event), cfg Config) (*Observer, error) {
	errs := cfg.faults()
	if notify == nil {
		errs = append(errs, errors.New("notify: nil: want a func"))
	}
	if err := fault.Report(ErrInvalid, "config", errs...); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	a := &Observer{notify: notify, cfg: cfg, queue: make(chan Event, cfg.Queue), windows: newWindows(cfg.MaxWindows)}
	a.idleSince.Store(new(time.Now()))
	return a, nil
}

// Decided implements gate.Observer.
func (a *Observer) Decided(ctx context.Context, d gate.Decided) {
	for r := range d.Outcome.Reached(a.cfg.Thresholds) {
		a.fire(ctx, d.Outcome.Key.ID, &r, d.Request.At)
	}
}

// Corrected implements gate.Observer.
func (a *Observer) Corrected(ctx context.Context, c gate.Corrected) {
	if c.Err != nil {
		return // it is not known what is used now
	}
	for r := range c.Reached(a.cfg.Thresholds) {
		a.fire(ctx, c.Outcome.Key.ID, &r, time.Now())
	}
}

// fire queues an Event for each threshold that r has reached and that has not fired.
func (a *Observer) fire(ctx context.Context, keyID string, r *gate.Reached, at time.Time) {
	fired, full := false, false
	tracked := a.windows.fire(r, func(threshold int) bool {
		if full = len(a.queue) == cap(a.queue); full {
			return false // without the work of an Event
		}
		select {
		case a.queue <- newEvent(keyID, r, threshold, at):
			fired = true
			a.fired.Add(1)
		default:
			full = true
		}
		return !full
	})
	if !tracked {
		a.untracked.Add(1)
	}
	// The logger may wait. The lock of the windows is free again.
	if fired {
		a.warnIfIdle(ctx)
	}
	if full {
		a.dropped.Add(1)
		a.warnOfFullQueue(ctx)
	}
}

// maxIdle is how long Events may wait for a Run before that is a mistake. A service
// starts and restarts Run within it.
const maxIdle = 10 * time.Second

// warnIfIdle counts Events for which no Run is running, and logs the first of them.
func (a *Observer) warnIfIdle(ctx context.Context) {
	if a.running.Load() > 0 || time.Since(*a.idleSince.Load()) < maxIdle {
		return
	}
	a.idle.Add(1)
	if a.cfg.Logger == nil || a.saidIdle.Swap(true) {
		return
	}
	a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: Run of the alerts is not running: no alert is delivered",
		slog.Time("since", *a.idleSince.Load()), slog.Int("queued", len(a.queue)))
}

// warnOfFullQueue logs that the queue is full, once until it is empty again.
func (a *Observer) warnOfFullQueue(ctx context.Context) {
	if a.cfg.Logger == nil || a.saidFull.Swap(true) {
		return
	}
	a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: the queue of the alerts is full: alerts are late until a later decision fires them",
		slog.Int("queued", len(a.queue)))
}
