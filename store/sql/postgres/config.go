package postgres

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/ration-go/ration/internal/fault"
)

// ErrInvalid is wrapped by every error that reports a missing pool or a bad Config.
var ErrInvalid = errors.New("store/postgres: invalid")

// Config configures a Store. The zero Config is ready to use.
type Config struct {
	// Calls is how many batches of decisions are in flight at a time, each on a connection
	// of its own. Each has its own queue. All charges of a family are in one of them, so
	// more Calls take nothing from a busy subject, and fewer make larger batches of the
	// others. The default is 6, or three quarters of the pool's connections if that is less.
	Calls int

	// BatchSize is how many decisions one transaction makes at most. The default is 256, and
	// the maximum is 1024.
	BatchSize int

	// Listen configures the connection on which Run hears of changes. If nil, Run connects
	// as the pool does. Set it if the pool goes through a PgBouncer in transaction mode,
	// which passes on no notifications: Run needs a connection to the server itself.
	Listen *pgx.ConnConfig

	// Logger gets the reasons why Run hears of no changes. If nil, nothing is logged.
	Logger *slog.Logger
}

const (
	defaultCalls     = 6
	defaultBatchSize = 256
	maxBatchSize     = 1024
)

// withDefaults returns cfg with its defaults for a pool of some size, or every fault of
// it.
func (cfg Config) withDefaults(connections int) (Config, error) {
	var errs []error
	if cfg.Calls < 0 || cfg.Calls > connections {
		errs = append(errs, fmt.Errorf("calls: %d: want 1 to %d, the connections of the pool, or 0 for the default", cfg.Calls, connections))
	}
	if cfg.Calls == 0 {
		cfg.Calls = min(defaultCalls, max(1, connections*3/4)) // some are left for look-ups
	}
	if cfg.BatchSize < 0 || cfg.BatchSize > maxBatchSize {
		errs = append(errs, fmt.Errorf("batchSize: %d: want 1 to %d, or 0 for the default", cfg.BatchSize, maxBatchSize))
	}
	if cfg.BatchSize == 0 {
		cfg.BatchSize = defaultBatchSize
	}
	return cfg, fault.Report(ErrInvalid, "config", errs...)
}
