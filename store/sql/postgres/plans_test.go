package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// scans matches the steps of a plan that read a table or its index. A Bitmap Heap Scan
// reads the rows that its Bitmap Index Scan has found.
var scans = regexp.MustCompile(`(Seq|Index|Index Only|Bitmap Index) Scan.* on ration_\w+`)

// TestNoQueryWithoutIndex reads the plans of all statements of all functions, from the
// extension auto_explain. The plans are made while the tables are empty, when PostgreSQL
// most likes to read them whole.
func TestNoQueryWithoutIndex(t *testing.T) {
	t.Parallel()
	dsn := servers.Database(t)
	require.NoError(t, open(t, dial(t, dsn)).Migrate(t.Context()))
	var mu sync.Mutex
	var plans []string
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	cfg.MaxConns = 1
	cfg.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		mu.Lock()
		defer mu.Unlock()
		plans = append(plans, n.Message)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	defer pool.Close()
	s := open(t, pool)
	for _, sql := range []string{
		"LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 0", "SET auto_explain.log_nested_statements = on", "SET auto_explain.log_level = notice",
		"SET client_min_messages = notice",
	} {
		execute(t, s, sql)
	}

	rate, quota := bucket(100, store.Rate{Tokens: 1, Per: 1_000_000}), window("quota", 100)
	for round := range 8 { // PostgreSQL may change its mind after five
		from, to := fmt.Sprint("from ", round), fmt.Sprint("to ", round)
		c := &store.Charge{Parts: []store.Part{store.NewPart(from, 1, rate, quota), store.NewPart("a", 1, quota), store.NewPart("read", 0, rate, quota)}}
		require.NoError(t, s.Take(t.Context(), c))
		require.NoError(t, s.Take(t.Context(), store.NewCharge("newcomer", 101, rate, quota)), "refused")
		require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: from}, {Subject: to}}}))
		require.ErrorAs(t, s.Take(t.Context(), store.NewCharge(from, 0, rate)), new(*store.MovedError))
		require.NoError(t, s.Peek(t.Context(), time.Now(), []string{"a", to}, []store.Meter{rate, quota}, make([]store.Level, 4), nil))
		_, err := s.Prune(t.Context())
		require.NoError(t, err)
	}
	mu.Lock()
	defer mu.Unlock()
	seen := 0
	for _, plan := range plans {
		for _, scan := range scans.FindAllString(plan, -1) {
			seen++
			require.False(t, strings.HasPrefix(scan, "Seq"), plan)
		}
		// Without a condition, a scan reads the whole index.
		for _, part := range strings.Split(plan, "->") {
			if scans.MatchString(part) && !strings.Contains(part, "Index Cond") {
				require.Fail(t, "an index is read whole", plan)
			}
		}
	}
	require.Greater(t, seen, 100, "the plans were not told: %v", plans)
}
