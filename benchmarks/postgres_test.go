package benchmarks

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store/sql/postgres"
)

// BenchmarkPostgres measures decisions in a PostgreSQL on this machine that keeps every
// commit (fsync=on), beside redis_rate over a Redis that keeps nothing. There are 256
// callers. A decision in PostgreSQL charges a bucket, a quota and a usage record, and one
// of redis_rate charges a bucket. The metrics are those of BenchmarkLeases.
func BenchmarkPostgres(b *testing.B) {
	addr := redistest.Start(b)
	pool, err := pgxpool.New(b.Context(), pgtest.Start(b, "fsync=on", "shared_buffers=256MB").DSN("postgres"))
	require.NoError(b, err)
	defer pool.Close()
	counter, err := postgres.New(pool, postgres.Config{})
	require.NoError(b, err)
	require.NoError(b, counter.Migrate(b.Context()))
	decide := plan(counter, meters(time.Now()), time.Time{})
	for name, keys := range map[string][]string{"hot": names(1), "spread": names(10_000)} {
		b.Run("keys="+name, func(b *testing.B) {
			takeCrowdedTurns(b, addr, []*crowd{
				{name: "redis_rate", decide: openRedisRate(b, addr), keys: keys},
				{name: "postgres", decide: decide, keys: keys},
			})
		})
	}
}
