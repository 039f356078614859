package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/sql/sqlite"
)

const (
	callers  = 32
	turnTime = 50 * time.Millisecond
)

// A contestant makes the i-th decision of one of the callers.
type contestant struct {
	name   string
	decide func(ctx context.Context, caller, i int) error
}

// BenchmarkTurns lets 32 callers decide against files of their own. All files are in one
// folder on the disk. The contestants take turns of 50ms, so that all of them meet the
// same disk. name/s is the median of the decisions a second, and name/insert how many
// times that is the median of the first one: an INSERT a transaction.
//
//	go test -run '^$' -bench Turns -benchtime 40x ./sqlite
func BenchmarkTurns(b *testing.B) {
	for name, mode := range map[string]sqlite.Sync{"sync=full": sqlite.Full, "sync=normal": sqlite.Normal} {
		b.Run(name, func(b *testing.B) {
			takeTurns(b, []contestant{
				{"insert", inserts(b, mode)},
				{"quota", charges(b, openFile(b, mode), 10_000, true)},
				{"spread", charges(b, openFile(b, mode), 10_000, false)},
				{"hot", charges(b, openFile(b, mode), 1, false)},
				{"leased", charges(b, leased(b, openFile(b, mode)), 1, false)},
			})
		})
	}
}

// BenchmarkSubjects compares a file of 10,000 subjects with one of 1,000,000.
//
//	RATION_MANY_ROUNDS=1 go test -run '^$' -bench Subjects -benchtime 40x ./sqlite
func BenchmarkSubjects(b *testing.B) {
	few, many := openFile(b, sqlite.Normal), openFile(b, sqlite.Normal)
	fewer, more := 10_000, rounds(100_000, 1_000_000)
	fill(b, few, fewer)
	fill(b, many, more)
	takeTurns(b, []contestant{
		{"few", charges(b, few, fewer, false)}, {"many", charges(b, many, more, false)},
		{"few-read", reads(few, fewer)}, {"many-read", reads(many, more)},
	})
}

func takeTurns(b *testing.B, all []contestant) {
	speeds := make([][]float64, len(all))
	for range b.N {
		for i, c := range all {
			speeds[i] = append(speeds[i], turn(b, c))
		}
	}
	b.ReportMetric(0, "ns/op")
	var first float64
	for i, c := range all {
		slices.Sort(speeds[i])
		median := speeds[i][len(speeds[i])/2]
		if i == 0 {
			first = median
		}
		b.ReportMetric(median, c.name+"/s")
		b.ReportMetric(median/first, c.name+"/"+all[0].name)
	}
}

// turn returns how many decisions a second c makes.
func turn(b *testing.B, c contestant) float64 {
	var decisions atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for i := 0; time.Since(began) < turnTime; i++ {
				if err := c.decide(context.Background(), caller, i); err != nil {
					b.Error(err)
					return
				}
				decisions.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(decisions.Load()) / time.Since(began).Seconds()
}

func openFile(b *testing.B, mode sqlite.Sync) *sqlite.Store {
	return open(b, filepath.Join(b.TempDir(), "ration.db"), sqlite.Config{Sync: mode})
}

func leased(b *testing.B, s *sqlite.Store) *lease.Counter {
	c, err := lease.New(s, lease.Config{Timeout: time.Minute})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, c.Close(context.Background())) })
	return c
}

// inserts returns a decision that is one INSERT of a row as long as a window.
func inserts(b *testing.B, mode sqlite.Sync) func(ctx context.Context, caller, i int) error {
	path := filepath.Join(b.TempDir(), "plain.db")
	synchronous := map[sqlite.Sync]string{sqlite.Full: "full", sqlite.Normal: "normal"}[mode]
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=synchronous("+synchronous+")")
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE plain (id INTEGER PRIMARY KEY, subject TEXT, name TEXT, start INTEGER, used INTEGER)")
	require.NoError(b, err)
	insert, err := db.Prepare("INSERT INTO plain (subject, name, start, used) VALUES (?, ?, ?, ?)")
	require.NoError(b, err)
	return func(ctx context.Context, caller, i int) error {
		_, err := insert.ExecContext(ctx, "subject "+strconv.Itoa(caller), "day", 1, i)
		return err
	}
}

// meters are a throttle, a quota and a usage record that admit everything.
func meters() []store.Meter {
	end := time.Now().Add(24 * time.Hour).Unix()
	return []store.Meter{
		{Name: "day", Max: 1 << 40, Start: end - 86400, End: end},
		{Name: "use", Max: store.Unlimited, Start: end - 86400, End: end},
		{Name: "rate", Max: 1 << 30, Rate: store.Rate{Tokens: 1, Per: 1}},
	}
}

// charges returns a decision about one of so many subjects, each of them in turn. It
// charges the quota only, or the throttle and the record as well.
func charges(b *testing.B, s store.Counter, subjects int, quotaOnly bool) func(ctx context.Context, caller, i int) error {
	on := meters()
	if quotaOnly {
		on = on[:1]
	}
	var next atomic.Int64
	names, mine := make([]string, subjects), [callers]*store.Charge{}
	for i := range names {
		names[i] = subject(i)
	}
	for i := range mine {
		mine[i] = store.NewCharge(names[0], 1, on...)
	}
	return func(ctx context.Context, caller, i int) error {
		c := mine[caller]
		c.At = time.Now()
		if subjects > 1 {
			c.Parts[0].Subject = names[int(next.Add(7919))%subjects]
		}
		err := s.Take(ctx, c)
		if err == nil && !c.OK {
			err = fmt.Errorf("refused: %+v", c.Parts[0].Levels)
		}
		return err
	}
}

func reads(s *sqlite.Store, subjects int) func(ctx context.Context, caller, i int) error {
	on := meters()
	var next atomic.Int64
	return func(ctx context.Context, caller, i int) error {
		return s.Take(ctx, store.NewCharge(subject(int(next.Add(7919))%subjects), 0, on...))
	}
}

func subject(i int) string { return fmt.Sprintf("key-%08d/gold", i) }

// fill charges every subject once.
func fill(b *testing.B, s *sqlite.Store, subjects int) {
	on := meters()
	var wg sync.WaitGroup
	for from := range 128 {
		wg.Go(func() {
			for i := from; i < subjects; i += 128 {
				c := store.NewCharge(subject(i), 1, on...)
				if err := s.Take(context.Background(), c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
