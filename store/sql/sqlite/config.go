package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ration-go/ration/internal/fault"
)

// ErrInvalid is wrapped by every error that reports a bad path or a bad Config.
var ErrInvalid = errors.New("store/sqlite: invalid")

// Config configures a Store. The zero Config is ready to use.
type Config struct {
	// Sync says what a power cut can lose. The default is Full: nothing.
	Sync Sync

	// Busy is how long a change waits while other processes write to the file. After that it
	// fails with store.ErrNotTaken. The default is 5s. It is at least 1ms.
	Busy time.Duration

	// Readers is how many connections read at a time, beside the one that writes. The
	// default is 4, and the maximum is 64.
	Readers int

	// Logger gets the reasons why Run hears of no changes. If nil, nothing is logged.
	Logger *slog.Logger
}

// Sync says when a change is on the disk.
type Sync uint8

const (
	// Full writes a change to the disk before its caller has the answer (PRAGMA
	// synchronous=FULL). A charge that was answered is there after a power cut. A decision
	// waits for the disk once, and shares that wait with all decisions that wait beside it.
	Full Sync = iota

	// Normal leaves it to the operating system when changes go to the disk (PRAGMA
	// synchronous=NORMAL). A process that is killed loses nothing. A power cut, or a crash
	// of the operating system, can lose the changes since the last checkpoint, often the
	// last seconds or minutes, though never a part of a change. The file stays sound.
	//
	// Caution: the lost charges were answered. So after a power cut a quota may admit as
	// much once more, and a key that was disabled shortly before may be valid again.
	Normal
)

// withDefaults returns cfg with its defaults, or every fault of it.
func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	if cfg.Sync > Normal {
		errs = append(errs, fmt.Errorf("sync: %d: want Full or Normal", cfg.Sync))
	}
	if cfg.Busy == 0 {
		cfg.Busy = 5 * time.Second
	}
	if cfg.Busy < time.Millisecond {
		errs = append(errs, fmt.Errorf("busy: %v: want at least 1ms, or 0 for the default", cfg.Busy))
	}
	if cfg.Readers == 0 {
		cfg.Readers = 4
	}
	if cfg.Readers < 1 || cfg.Readers > 64 {
		errs = append(errs, fmt.Errorf("readers: %d: want 1 to 64, or 0 for the default", cfg.Readers))
	}
	return cfg, fault.Report(ErrInvalid, "config", errs...)
}
