// Package stores opens the store that a flag names.
package stores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/sql/postgres"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/usageplan"
)

// A Backend has the interfaces of a store of this module.
type Backend interface {
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	usageplan.Notifier
	store.Counter
}

// An Opened is an open store.
type Opened struct {
	Backend

	// Run runs beside the users of the store until ctx is done. It hears of the changes of
	// other processes, and removes rows that are of no use. It may be nil.
	Run func(ctx context.Context)

	Close func() error

	// Timeout is how long a decision may take. If zero, the default of a Gate is right.
	Timeout time.Duration
}

// diskTimeout is how long a decision may take if it waits for a disk. A disk that others
// use, too, may take longer than the default of a Gate.
const diskTimeout = time.Second

// Names lists the forms of -store, for the error about an unknown one.
const Names = "memory, sqlite:PATH, postgres://... or redis://HOST:PORT"

// Open opens the store that name names. It makes the tables of a database, or brings them
// to the version of this release. No error contains a password.
func Open(ctx context.Context, name string, log *slog.Logger) (*Opened, error) {
	return open(ctx, name, sqlite.Full, log)
}

// OpenTarget opens a store to copy another one to it. A SQLite file does not wait for the
// disk with each record: 20,000 keys with a link each take seconds instead of minutes.
// Close writes all of it to the disk.
//
// Caution: a power cut during the copy may lose a part of what was copied.
func OpenTarget(ctx context.Context, name string, log *slog.Logger) (*Opened, error) {
	return open(ctx, name, sqlite.Normal, log)
}

func open(ctx context.Context, name string, sync sqlite.Sync, log *slog.Logger) (*Opened, error) {
	scheme, _, hasScheme := strings.Cut(name, "://")
	path, isSQLite := strings.CutPrefix(name, "sqlite:")
	switch {
	case name == "memory":
		return &Opened{Backend: memory.New(memory.Config{}), Close: func() error { return nil }}, nil
	case isSQLite && path != "":
		return openSQLite(ctx, path, sync, log)
	case scheme == "postgres" || scheme == "postgresql":
		return openPostgres(ctx, name, log)
	case hasScheme:
		return openRedis(name, log)
	}
	// The text is left out of the error, since it may contain a password.
	return nil, errors.New("want " + Names)
}

func openSQLite(ctx context.Context, path string, sync sqlite.Sync, log *slog.Logger) (*Opened, error) {
	st, err := sqlite.Open(path, sqlite.Config{Sync: sync, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := st.Migrate(ctx); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	prune := func(ctx context.Context) error { _, err := st.Prune(ctx); return err }
	return &Opened{Backend: st, Run: runAndPrune(st.Run, prune, log), Close: st.Close, Timeout: diskTimeout}, nil
}

func openPostgres(ctx context.Context, url string, log *slog.Logger) (*Opened, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		// The cause is left out, since it may contain a part of a password.
		return nil, errors.New("want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	st, err := postgres.New(pool, postgres.Config{Logger: log})
	if err == nil {
		err = st.Migrate(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	prune := func(ctx context.Context) error { _, err := st.Prune(ctx); return err }
	return &Opened{
		Backend: st,
		Run:     runAndPrune(st.Run, prune, log),
		Close:   func() error { pool.Close(); return nil },
		Timeout: diskTimeout,
	}, nil
}

func openRedis(url string, log *slog.Logger) (*Opened, error) {
	st, err := redis.Open(url, redis.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	return &Opened{
		Backend: st,
		Run:     func(ctx context.Context) { _ = st.Run(ctx) }, // returns only when ctx is done
		Close:   func() error { st.Close(); return nil },
	}, nil
}

// pruneEvery is how often rows that are of no use are removed.
const pruneEvery = time.Hour

// runAndPrune returns a function that runs a store, and prunes it now and then.
func runAndPrune(run, prune func(context.Context) error, log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = run(ctx) // logs why it hears of no changes, and returns when ctx is done
		}()
		tick := time.NewTicker(pruneEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				<-done
				return
			case <-tick.C:
			}
			if err := prune(ctx); err != nil && ctx.Err() == nil {
				log.Error("gateway: removing what is of no use failed", "error", err)
			}
		}
	}
}

// OpenFile opens a file that a memory store has saved, to read it.
func OpenFile(path string) (*Opened, error) {
	st, err := memory.Load(path, memory.Config{MaxSubjects: 1 << 40})
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	return &Opened{Backend: st, Close: func() error { return nil }}, nil
}
