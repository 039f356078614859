package lease

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/store"
)

// ErrInvalid is wrapped by every error that reports a bad Config.
var ErrInvalid = errors.New("lease: invalid")

// Config configures a Counter. The zero Config is ready to use.
type Config struct {
	// Block is how long a block of units lasts at the rate at which a subject spends them.
	// If the inner Counter is far away, a block lasts for four round trips. Block is 1ms to
	// 1s. The default is 10ms.
	Block time.Duration

	// Life is how long units may be spent after the inner Counter last answered a settlement
	// of their subject. Idle subjects give their units back within it. What one process does
	// is seen by the others within Life. It is at least twice Block and at most a minute.
	// The default is 1s.
	Life time.Duration

	// Units is the most that this Counter holds of one meter, in units. It is the q of the
	// bound for rates. There is always another bound: a sixteenth of what remains of a
	// quota, and of a bucket's burst. The default is that bound alone.
	Units int64

	// Timeout bounds how long a charge waits for the inner Counter. The default is 100ms. It
	// should be at least four round trips, since a charge may wait for a settlement first.
	// The Counter of a gate.Config.Lease has the Timeout of the Gate by default. Only ctx
	// bounds Peek, a SetRemaining and a Move.
	//
	// A charge that is decided here does not wait. So the Counter is store.Local, and its
	// callers need no deadline of their own.
	Timeout time.Duration

	// Subjects is the most subjects that have leases at a time. Any other subject is charged
	// exactly. The default is 10,000.
	Subjects int

	// Logger is told when settlements begin to fail, and when they succeed again. If nil,
	// nothing is logged.
	Logger *slog.Logger
}

// withDefaults returns cfg with its defaults, or every fault of it.
func (cfg Config) withDefaults(inner store.Counter) (Config, error) {
	errs := []error{nilcheck.Required("inner", inner, "a store.Counter")}
	cfg.Block = cmp.Or(cfg.Block, 10*time.Millisecond)
	if cfg.Block < time.Millisecond || cfg.Block > time.Second {
		errs = append(errs, fmt.Errorf("block: %v: want 1ms to 1s, or 0 for 10ms", cfg.Block))
	}
	cfg.Life = cmp.Or(cfg.Life, max(time.Second, 2*cfg.Block))
	if cfg.Life < 2*cfg.Block || cfg.Life > time.Minute {
		errs = append(errs, fmt.Errorf("life: %v: want at least twice block and at most 1m, or 0 for 1s", cfg.Life))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %v: want 0 or more", cfg.Timeout))
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	if cfg.Units < 0 || cfg.Units > store.MaxUnits {
		errs = append(errs, fmt.Errorf("units: %d: want 1 to 2^53-1, or 0 for no bound of its own", cfg.Units))
	}
	cfg.Units = cmp.Or(cfg.Units, store.MaxUnits)
	if cfg.Subjects < 0 || cfg.Subjects > maxSubjects {
		errs = append(errs, fmt.Errorf("subjects: %d: want 1 to %d, or 0 for 10,000", cfg.Subjects, maxSubjects))
	}
	cfg.Subjects = cmp.Or(cfg.Subjects, 10_000)
	return cfg, fault.Report(ErrInvalid, "config", errs...)
}

// maxSubjects bounds Config.Subjects: the table of a Counter takes 16 bytes for each.
const maxSubjects = 1 << 24
