package memory_test

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// move moves a subject, and returns the error of Take.
func move(t testing.TB, s *memory.Store, at time.Time, from, to string) error {
	c := &store.Charge{Op: store.Move, At: at, Parts: []store.Part{{Subject: from}, {Subject: to}}}
	err := s.Take(t.Context(), c)
	require.Equal(t, err == nil, c.OK, "OK after %v", err)
	return err
}

// requireMoved charges a closed subject. The error says where it has moved.
func requireMoved(t testing.TB, s *memory.Store, at time.Time, from, to string) {
	t.Helper()
	_, err := take(t, s, from, at, 1, bucket)
	require.Equal(t, to, movedTo(err), "%v", err)
	require.ErrorIs(t, err, store.ErrNotTaken)
}

// movedTo returns the To of a MovedError, or "".
func movedTo(err error) string {
	var moved *store.MovedError
	if !errors.As(err, &moved) {
		return ""
	}
	return moved.To
}

var longName = strings.Repeat("long", 20)

// TestMoveNames moves a state with live and ended windows, rare buckets and wide cells
// between short and long subjects, of one family and of two, and back.
func TestMoveNames(t *testing.T) {
	names := []string{"key", "org>key", "org>" + longName, longName, "other>" + longName, "org>x"}
	meters := append(manyMeters(t0, 3), store.Meter{Name: "id", Max: 1, Rare: true}, day("day", t0.AddDate(0, 0, -1), 5, 48*time.Hour))
	for i, from := range names {
		for j, to := range names {
			if i == j {
				continue
			}
			s := memory.New(memory.Config{})
			mustTake(t, s, from, t0, 1, meters...)
			want := mustTake(t, s, from, t0, 0, meters...).Parts[0].Levels
			require.NoError(t, move(t, s, t0, from, to))
			requireMoved(t, s, t0, from, to)
			require.Equal(t, want, mustTake(t, s, to, t0, 0, meters...).Parts[0].Levels, "%s to %s", from, to)
			require.EqualValues(t, 2, s.Stats().Subjects, "the account and the closed subject")

			require.NoError(t, move(t, s, t0, from, to), "repeated")
			require.Equal(t, want, mustTake(t, s, to, t0, 0, meters...).Parts[0].Levels, "%s to %s", from, to)
			require.NoError(t, move(t, s, t0, to, from), "back")
			requireMoved(t, s, t0, to, from)
			require.Equal(t, want, mustTake(t, s, from, t0, 0, meters...).Parts[0].Levels, "%s to %s and back", from, to)
			require.EqualValues(t, 2, s.Stats().Subjects)
		}
	}
}

// manyMeters returns n buckets and n windows. Three of each take more cells than an
// account has.
func manyMeters(at time.Time, n int) (meters []store.Meter) {
	for i := range n {
		b := bucket
		b.Name = "rate " + strconv.Itoa(i)
		meters = append(meters, b, day("day "+strconv.Itoa(i), at, 100, time.Hour))
	}
	return meters
}

// TestMoveTimelines has moves between subjects that are new, used, spent or closed.
func TestMoveTimelines(t *testing.T) {
	const inUse = "want a subject without state"
	later := t0.Add(time.Minute) // the bucket is full again
	type step struct {
		at       time.Time
		from, to string // a move, or a charge of from if to is empty
		err      string
		used     int64 // after a charge
		subjects int64
	}
	for name, steps := range map[string][]step{
		"an unknown subject is closed, too": {
			{t0, "a", "b", "", 0, 1},
			{t0, "a", "", "subject \"a\" has moved to \"b\"", 0, 1},
			{t0, "b", "", "", 1, 2},
			{t0, "a", "b", "", 0, 2}, // repeated
		},
		"a chain": {
			{t0, "a", "", "", 1, 1},
			{t0, "a", "b", "", 0, 2},
			{t0, "b", "c", "", 0, 3},
			{t0, "a", "", "has moved to \"b\"", 0, 3},
			{t0, "b", "", "has moved to \"c\"", 0, 3},
			{t0, "c", "", "", 2, 3},
			{t0, "a", "b", "", 0, 3}, // repeated, long after
			{t0, "a", "d", "has moved to \"b\"", 0, 3},
		},
		"onto a used subject": {
			{t0, "a", "", "", 1, 1},
			{t0, "b", "", "", 1, 2},
			{t0, "a", "b", inUse, 0, 2},
			{t0, "a", "", "", 2, 2},
			{t0, "b", "", "", 2, 2},
		},
		"onto a spent subject": {
			{t0, "b", "", "", 1, 1},
			{later, "a", "", "", 1, 2},
			{later, "a", "b", "", 0, 2},
			{later, "b", "", "", 2, 2},
		},
		"a spent subject": {
			{t0, "a", "", "", 1, 1},
			{later, "a", "b", "", 0, 2},
			{later, "a", "", "has moved to \"b\"", 0, 2},
			{later, "b", "", "", 1, 2},
		},
		"a circle": {
			{t0, "a", "", "", 1, 1},
			{t0, "a", "b", "", 0, 2},
			{t0, "b", "c", "", 0, 3},
			{t0, "c", "a", "", 0, 3},
			{t0, "a", "", "", 2, 3},
			{t0, "b", "", "has moved to \"c\"", 0, 3},
			{t0, "c", "", "has moved to \"a\"", 0, 3},
		},
		"an unknown subject opens a closed one": {
			{t0, "a", "b", "", 0, 1},
			{t0, "c", "a", "", 0, 1},
			{t0, "a", "", "", 1, 2},
		},
	} {
		for prefix, full := range map[string]bool{"": false, "org>": true} {
			s := memory.New(memory.Config{})
			for i, st := range steps {
				var err error
				if st.to != "" {
					to := st.to
					if full { // one family
						to = prefix + to
					}
					err = move(t, s, st.at, prefix+st.from, to)
				} else {
					var c store.Charge
					if c, err = take(t, s, prefix+st.from, st.at, 1, bucket); err == nil {
						require.Equal(t, st.used, c.Parts[0].Levels[0].Used, "%s: step %d", name, i+1)
					}
				}
				if st.err == "" {
					require.NoError(t, err, "%s: step %d", name, i+1)
				} else {
					require.ErrorIs(t, err, store.ErrNotTaken, "%s: step %d", name, i+1)
					require.ErrorContains(t, err, strings.ReplaceAll(strings.ReplaceAll(st.err, ` "`, ` "`+prefix), "subject \"\"", "subject \""), "%s: step %d", name, i+1)
				}
				require.Equal(t, st.subjects, s.Stats().Subjects, "%s: step %d", name, i+1)
			}
		}
	}
}

// TestMoveInFullStore needs a place for the closed subject. A Store that has none refuses
// the move and changes nothing.
func TestMoveInFullStore(t *testing.T) {
	s := memory.New(memory.Config{MaxSubjects: 2})
	mustTake(t, s, "a", t0, 5, bucket)
	mustTake(t, s, "b", t0, 1, bucket)
	require.ErrorIs(t, move(t, s, t0, "a", "c"), store.ErrFull)
	require.EqualValues(t, 6, mustTake(t, s, "a", t0, 1, bucket).Parts[0].Levels[0].Used)
	require.EqualValues(t, 2, s.Stats().Subjects)

	at := t0.Add(time.Second) // b is spent
	require.NoError(t, move(t, s, at, "a", "c"))
	require.EqualValues(t, 2, s.Stats().Subjects)
	require.NoError(t, move(t, s, at, "c", "a"), "no place is needed to move back")
	require.EqualValues(t, 6, mustTake(t, s, "a", at, 1, bucket).Parts[0].Levels[0].Used)
}

// TestClosedSubjectsEnd fills a store with closed subjects. They give way to new subjects
// after ClosedFor, and no sooner.
func TestClosedSubjectsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const closed = 100
		s := memory.New(memory.Config{MaxSubjects: closed})
		for i := range closed {
			require.NoError(t, move(t, s, time.Now(), "from "+strconv.Itoa(i), "to "+strconv.Itoa(i)))
		}
		time.Sleep(store.ClosedFor)
		_, err := take(t, s, "new", time.Now(), 1, bucket)
		require.ErrorIs(t, err, store.ErrFull)
		for i := range closed {
			requireMoved(t, s, time.Now(), "from "+strconv.Itoa(i), "to "+strconv.Itoa(i))
		}
		time.Sleep(time.Second)
		for i := range closed {
			mustTake(t, s, "new "+strconv.Itoa(i), time.Now(), 1, bucket)
		}
		require.EqualValues(t, closed, s.Stats().Subjects)
		require.Zero(t, s.Stats().Ended)
	})
}

// TestMoveSavedAndLoaded loads closed subjects and moved states from a file.
func TestMoveSavedAndLoaded(t *testing.T) {
	now := time.Now()
	s, quota := memory.New(memory.Config{}), day("day", now, 10, time.Hour)
	mustTake(t, s, "key", now, 3, quota)
	require.NoError(t, move(t, s, now, "key", "org>key"))
	require.NoError(t, move(t, s, now, "unknown", longName))
	s = reload(t, s)
	require.EqualValues(t, 3, s.Stats().Subjects)
	requireMoved(t, s, now, "key", "org>key")
	requireMoved(t, s, now, "unknown", longName)
	require.EqualValues(t, 4, mustTake(t, s, "org>key", now, 1, quota).Parts[0].Levels[0].Used)
	require.NoError(t, move(t, s, now, "key", "org>key"), "repeated")
	require.NoError(t, move(t, s, now, "org>key", "key"), "back")
	require.EqualValues(t, 5, mustTake(t, s, "key", now, 1, quota).Parts[0].Levels[0].Used)
}

// TestMoveWhileSaved moves a subject to and fro between shards while the store is saved.
// Every file has its state once.
func TestMoveWhileSaved(t *testing.T) {
	now := time.Now()
	names := []string{"key", "org>key"}
	s, quota := memory.New(memory.Config{}), day("day", now, 10, time.Hour)
	for i := range 1000 { // a file of several shards, each with something to write
		mustTake(t, s, strconv.Itoa(i), now, 1, quota)
	}
	mustTake(t, s, names[0], now, 3, quota)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				if err := move(t, s, now, names[i%2], names[(i+1)%2]); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	for range 50 {
		var file bytes.Buffer
		require.NoError(t, memory.SaveTo(s, &file))
		loaded, err := memory.LoadSummed(file.Bytes())
		require.NoError(t, err)
		used := int64(0)
		for _, name := range names {
			if c, err := take(t, loaded, name, now, 0, quota); err == nil {
				used += c.Parts[0].Levels[0].Used
			}
		}
		require.EqualValues(t, 3, used)
	}
}
