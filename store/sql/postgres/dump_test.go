package postgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestDumpPlans reads the plan of every statement of Dump: each finds the subjects of a
// page by an index.
func TestDumpPlans(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	execute(t, s, "INSERT INTO ration_subjects (subject) SELECT 'key-' || n FROM generate_series(1, 5000) AS n")
	execute(t, s, "INSERT INTO ration_windows SELECT 'key-' || n, 'day', 0, 86400, 1, 0, 1, 99999 FROM generate_series(1, 5000) AS n")
	execute(t, s, "INSERT INTO ration_buckets SELECT 'key-' || n, 'throttle', 1, 0, 1, 1, 99999 FROM generate_series(1, 5000) AS n")
	execute(t, s, "ANALYZE")
	for _, statement := range []string{selectSubjects, selectWindows, selectBuckets} {
		args := []any{"key-30", "key-31"}
		if statement == selectSubjects {
			args[1] = 100
		}
		rows, err := s.pool.Query(t.Context(), "EXPLAIN "+statement, args...)
		require.NoError(t, err)
		var plan strings.Builder
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			fmt.Fprintln(&plan, line)
		}
		require.NoError(t, rows.Err())
		require.Regexp(t, `Index Cond: \(?\(?subject > `, plan.String(), statement)
		require.NotContains(t, plan.String(), "Seq Scan", statement)
	}
}

// TestRestoreBesideCharges restores records beside charges of the same subjects. The
// locks have one order, so none of them fails, and no charge is taken back.
func TestRestoreBesideCharges(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	day := window("day", 1_000_000)
	subjects := []string{"acme", "acme>a", "acme>b", "acme>c"}
	var records []store.Record
	for _, subject := range subjects {
		st := store.StateOf(&day, store.State{Window: store.Window{Used: 5}})
		records = append(records, store.Record{Subject: subject, States: []store.MeterState{st}})
	}
	require.NoError(t, s.Restore(t.Context(), records))
	const rounds = 40
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range rounds {
				assert.NoError(t, s.Restore(t.Context(), []store.Record{records[rand.N(4)], records[rand.N(4)]}))
			}
		})
		wg.Go(func() {
			for i := range rounds {
				c := store.NewCharge("acme", 1, day)
				c.Parts = append(c.Parts, store.NewPart(subjects[1+i%3], 1, day))
				assert.NoError(t, s.Take(t.Context(), c))
			}
		})
	}
	wg.Wait()
	c := store.NewCharge("acme", 0, day)
	require.NoError(t, s.Take(t.Context(), c))
	require.EqualValues(t, 5+4*rounds, c.Parts[0].Levels[0].Used)
}

// TestRestoreIsWhole checks that a call that is refused restores nothing of its
// transaction.
func TestRestoreIsWhole(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "gone"}, {Subject: "acme"}}}))
	day := window("day", 10)
	st := []store.MeterState{store.StateOf(&day, store.State{Window: store.Window{Used: 5}})}
	err := s.Restore(t.Context(), []store.Record{{Subject: "a", States: st}, {Subject: "gone", States: st}, {Subject: "z", States: st}})
	_, isMoved := errors.AsType[*store.MovedError](err)
	require.True(t, isMoved, err)
	records, _, err := s.Dump(t.Context(), "", 100)
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, "acme", records[0].MovedTo)
	require.Greater(t, records[0].Until, time.Now().Unix())
}
