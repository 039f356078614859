package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/store"
)

// spread is how many subjects a benchmark has that is not about a hot one.
const spread = 10_000

// BenchmarkTurns measures decisions a second on a server that keeps every commit
// (fsync=on). Each decision charges a bucket, a quota and a usage record. The candidates
// take turns of a quarter of a second in random order, so that all of them meet the same
// machine. They share a pool: one of 32 connections, or one of 4, which is the default of
// pgxpool for up to four processors.
//
// update makes an UPDATE ... RETURNING of one row by its primary key instead of a
// decision. unbatched is a Store whose transactions make one decision each. transaction
// locks one row of another table, decides, and updates it, in two statements between
// BEGIN and COMMIT. leased is the Store behind leases. name-per-s is the median of a
// second's decisions, and to-name is how many times as many the Store makes.
func BenchmarkTurns(b *testing.B) {
	server := pgtest.Start(b, "fsync=on", "shared_buffers=256MB")
	for _, connections := range []int32{32, 4} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			cfg, err := pgxpool.ParseConfig(server.Database(b))
			require.NoError(b, err)
			cfg.MaxConns = connections
			pool, err := pgxpool.NewWithConfig(b.Context(), cfg)
			require.NoError(b, err)
			defer pool.Close()
			benchTurns(b, pool)
		})
	}
}

func benchTurns(b *testing.B, pool *pgxpool.Pool) {
	s := open(b, pool)
	require.NoError(b, s.Migrate(b.Context()))
	unbatched, err := New(pool, Config{Calls: int(pool.Config().MaxConns), BatchSize: 1})
	require.NoError(b, err)
	updates := fillRows(b, s)
	execute(b, s, "VACUUM ANALYZE")
	take, alone := taker(s), taker(unbatched)

	for _, callers := range []int{32, 256} {
		b.Run(fmt.Sprintf("spread/callers=%d", callers), func(b *testing.B) {
			takeTurns(b, callers, spread, []*candidate{{name: "store", decide: take}, {name: "update", decide: updates}})
		})
	}
	b.Run("hot/callers=256", func(b *testing.B) {
		takeTurns(b, 256, 1, []*candidate{{name: "store", decide: take}, {name: "unbatched", decide: alone}, {name: "transaction", decide: transactions(s)}})
	})
	b.Run("leased/callers=256", func(b *testing.B) {
		takeTurns(b, 256, 1, []*candidate{{name: "leased", decide: taker(lend(b, s))}, {name: "store", decide: take}})
	})
}

// benchMeters are what each decision charges.
func benchMeters() []store.Meter {
	return []store.Meter{bucket(1<<40, store.Rate{Tokens: 1, Per: 1000}), window("quota", 1<<40), window("use", store.Unlimited)}
}

func taker(s store.Counter) func(ctx context.Context, subject int) error {
	meters := benchMeters()
	return func(ctx context.Context, subject int) error {
		c := store.NewCharge(fmt.Sprintf("key-%06d/basic", subject), 1, meters...)
		c.At = time.Now()
		return s.Take(ctx, c)
	}
}

// fillRows makes the rows of all subjects, and those of a table beside them. It returns
// the update of one of those.
func fillRows(b *testing.B, s *Store) func(ctx context.Context, subject int) error {
	take := taker(s)
	var wg sync.WaitGroup
	for g := range 128 {
		wg.Go(func() {
			for i := g; i < spread; i += 128 {
				if err := take(b.Context(), i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	execute(b, s, `CREATE TABLE one_row (name text COLLATE "C" PRIMARY KEY, used bigint NOT NULL) WITH (fillfactor = 80)`)
	execute(b, s, `INSERT INTO one_row SELECT 'key-' || lpad(i::text, 6, '0') || '/basic', 0 FROM generate_series(0, $1::int) AS i`, spread)
	return func(ctx context.Context, subject int) error {
		var used int64
		return s.pool.QueryRow(ctx, "UPDATE one_row SET used = used + 1 WHERE name = $1 RETURNING used", pgx.QueryExecModeCacheStatement,
			fmt.Sprintf("key-%06d/basic", subject)).Scan(&used)
	}
}

// transactions returns a decision about one row, as services write it without a Store.
func transactions(s *Store) func(ctx context.Context, subject int) error {
	return func(ctx context.Context, subject int) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			name, used := fmt.Sprintf("key-%06d/basic", subject), int64(0)
			if err := tx.QueryRow(ctx, "SELECT used FROM one_row WHERE name = $1 FOR UPDATE", name).Scan(&used); err != nil {
				return err
			}
			if used++; used > 1<<40 {
				return nil
			}
			_, err := tx.Exec(ctx, "UPDATE one_row SET used = $2 WHERE name = $1", name, used)
			return err
		})
	}
}

// candidate is what takes turns with others.
type candidate struct {
	name   string
	decide func(ctx context.Context, subject int) error
	perSec []float64
}

func takeTurns(b *testing.B, callers, subjects int, all []*candidate) {
	for _, c := range all {
		run(b, callers, subjects, c) // connects, and warms caches up
	}
	for b.Loop() {
		for _, i := range rand.Perm(len(all)) {
			all[i].perSec = append(all[i].perSec, run(b, callers, subjects, all[i]))
		}
	}
	b.ReportMetric(0, "ns/op")
	first := median(all[0].perSec)
	for _, c := range all {
		b.ReportMetric(median(c.perSec), c.name+"-per-s")
		if c != all[0] {
			b.ReportMetric(first/median(c.perSec), "to-"+c.name)
		}
	}
}

// run has callers make decisions for a while, and returns how many they made a second.
func run(b *testing.B, callers, subjects int, c *candidate) float64 {
	var made atomic.Int64
	began := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for time.Since(began) < 250*time.Millisecond {
				if err := c.decide(b.Context(), rand.IntN(subjects)); err != nil {
					b.Error(err)
					return
				}
				made.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(made.Load()) / time.Since(began).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
