package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
	"github.com/ration-go/ration/store/sql/internal/directory"
)

// A Store keeps keys, plans, groups, links and counters in PostgreSQL. It implements
// [store.Counter], [store.Peeker], [apikey.Store], [usageplan.Store],
// [usageplan.GroupStore], [usageplan.AccessReader] and [usageplan.Listener], and is safe
// for concurrent use. Call New to make one, and Migrate once.
//
// A Store has no goroutine of its own while it is idle, and nothing to close. The pool
// belongs to the caller.
type Store struct {
	pool  *pgxpool.Pool
	lanes []*batch.Charges
	seed  maphash.Seed
	ready atomic.Bool // the schema was found to have the right version

	*records // keys, plans, groups and links
	changes  subscription
}

// New returns a Store that uses the connections of pool. It does not connect. Call
// [Store.Migrate] before the first use.
func New(pool *pgxpool.Pool, cfg Config) (*Store, error) {
	if pool == nil {
		return nil, fmt.Errorf("%w: pool: nil: want a pool", ErrInvalid)
	}
	cfg, err := cfg.withDefaults(int(pool.Config().MaxConns))
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, seed: maphash.MakeSeed()}
	s.records = directory.New(&database{s}, &directory.Postgres, "store/postgres")
	s.changes = subscription{pool: pool, config: cfg.Listen, logger: cfg.Logger}
	for range cfg.Calls {
		s.lanes = append(s.lanes, batch.NewCharges(s.takeBatch, batch.Config{Size: cfg.BatchSize, Weight: 4 * cfg.BatchSize}))
	}
	return s, nil
}

// lane returns the queue of a family. Batches that charge one subject would wait for each
// other at the server, so all charges of a family are in one queue, which has one batch
// in flight: then a busy subject makes large batches, and keeps no other queue waiting.
func (s *Store) lane(family string) *batch.Charges {
	return s.lanes[maphash.String(s.seed, family)%uint64(len(s.lanes))]
}

// Take implements store.Counter. Charges that come while others are in flight share a
// transaction with them.
//
// A charge whose transaction has been sent goes on for a moment after its ctx has ended.
// So it may happen although Take has returned an error, which does not wrap
// store.ErrNotTaken then.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.Move {
		return s.move(ctx, c)
	}
	if err := c.Check(); err != nil { // a charge without parts has no family
		return err
	}
	err := s.lane(store.Family(c.Parts[0].Subject)).Take(ctx, c)
	switch {
	case err == nil, errors.Is(err, store.ErrInvalid), errors.As(err, new(*store.MovedError)):
		return err
	}
	return fmt.Errorf("store/postgres: take: %w", err)
}

// checkReady finds out, once, whether the schema has the version that this package wants.
func (s *Store) checkReady(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	version, err := schemaVersion(ctx, s.pool)
	if err == nil {
		err = checkVersion(version)
	}
	s.ready.Store(err == nil)
	return markDenied(err)
}
