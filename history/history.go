package history

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
)

// Config configures a History. The zero Config is ready for use.
type Config struct {
	// Timeout bounds the writing of an Entry, for which the change waits. The default is 2s.
	Timeout time.Duration

	// Logger receives, at the level Error, each Entry that the Store did not take, with the
	// error. If nil, such an Entry is only counted: see History.Lost.
	Logger *slog.Logger
}

// A History is a Recorder that writes into a Store, and lists what the Store has. Call
// New to make one. It is safe for concurrent use.
//
// If the Store does not take an Entry, the change stands, and its caller gets no error.
// An error would make the caller repeat a change that was made, and a new key would lose
// its secret. The Logger gets the whole Entry instead, so that it can be found in the
// log.
//
// An Entry is written even if the ctx of the change ends meanwhile, such as that of a
// client that has gone.
type History struct {
	store Store
	cfg   Config
	lost  atomic.Int64
}

// The bounds of a page of List.
const (
	defaultPage = 100
	maxPage     = 500
)

// New returns a History over a Store. The error reports every fault at once and wraps
// ErrInvalid.
func New(s Store, cfg Config) (*History, error) {
	var timeout error
	if cfg.Timeout < 0 {
		timeout = fmt.Errorf("timeout: %v: want 0 or more", cfg.Timeout)
	}
	err := fault.Report(ErrInvalid, "config", nilcheck.Required("store", s, "a history.Store"), timeout)
	if err != nil {
		return nil, err
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 2*time.Second)
	return &History{store: s, cfg: cfg}, nil
}

// Record implements Recorder.
func (h *History) Record(ctx context.Context, e Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.Timeout)
	defer cancel()
	err := h.store.Append(ctx, e)
	if err == nil {
		return
	}
	h.lost.Add(1)
	if h.cfg.Logger != nil {
		h.cfg.Logger.LogAttrs(ctx, slog.LevelError, "ration: a change was not recorded", slog.Any("error", err), slog.Any("entry", e))
	}
}

// Lost returns how many entries the Store did not take. An entry whose answer was lost
// counts, though it may be there.
func (h *History) Lost() int64 { return h.lost.Load() }

// List returns a page of the entries that f selects, newest first, and the cursor of the
// next page. The empty cursor begins the list, and an empty next marks the last page. The
// limit is 1 to 500 entries. A limit of 0 means 100. A page before the last may have
// fewer entries than the limit, or none.
//
// Errors: ErrInvalid for any other limit, and for a cursor that is not from List.
func (h *History) List(ctx context.Context, f Filter, cursor string, limit int) (entries []Entry, next string, err error) {
	if limit < 0 || limit > maxPage {
		return nil, "", fmt.Errorf("%w limit: %d: want 0 to %d", ErrInvalid, limit, maxPage)
	}
	return h.store.List(ctx, f, cursor, cmp.Or(limit, defaultPage))
}
