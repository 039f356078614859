package memory_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// TestEvict fills a store that has room for three subjects. At each instant it checks
// whether a new subject finds room, and what was evicted for it.
func TestEvict(t *testing.T) {
	type step struct {
		after        time.Duration
		room         bool
		spent, ended bool // whether any of the kind were evicted; the store decides how many
	}
	const week = 7 * 24 * time.Hour
	fast := store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}
	never := store.Meter{Name: "rate", Max: 10}
	today := day("day", t0, 10, week)

	for name, test := range map[string]struct {
		old   [][]store.Meter // the meters of three subjects, each charged 1 at noon
		steps []step
	}{
		"buckets that are not full stay": {
			[][]store.Meter{{fast}, {fast}, {fast}},
			[]step{{0, false, false, false}, {time.Second - time.Microsecond, false, false, false}, {time.Second, true, true, false}},
		},
		"buckets that nothing refills always stay": {
			[][]store.Meter{{never}, {never}, {never}},
			[]step{{1000 * week, false, false, false}},
		},
		"windows that have not ended stay": {
			[][]store.Meter{{today}, {today}, {fast, today}},
			[]step{{0, false, false, false}, {12*time.Hour - time.Microsecond, false, false, false}},
		},
		"a subject with nothing to lose goes before kept windows": {
			[][]store.Meter{{today}, {fast}, {today}},
			[]step{{24 * time.Hour, true, true, false}},
		},
		"kept windows go before live subjects": {
			[][]store.Meter{{today}, {never}, {today}},
			[]step{{12 * time.Hour, true, false, true}},
		},
		"a window past its Keep counts as nothing to lose": {
			[][]store.Meter{{today}, {never}, {never}},
			[]step{{12*time.Hour + week, true, true, false}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(memory.Config{MaxSubjects: 3})
			for i, meters := range test.old {
				mustTake(t, s, strconv.Itoa(i), t0, 1, meters...)
			}
			for _, step := range test.steps {
				_, err := take(t, s, "new", t0.Add(step.after), 1, fast)
				require.Equal(t, step.room, err == nil, "after %v: %v", step.after, err)
				if err != nil {
					require.ErrorIs(t, err, store.ErrFull)
					require.ErrorIs(t, err, store.ErrNotTaken)
				}
				got := s.Stats()
				require.Equal(t, []bool{step.spent, step.ended}, []bool{got.Spent > 0, got.Ended > 0}, "after %v: %+v", step.after, got)
			}
		})
	}
}

// TestDueSooner lists what makes a subject spent sooner than a full store noted when it
// last swept.
func TestDueSooner(t *testing.T) {
	slow := store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 3_600_000_000}}
	fast := slow
	fast.Rate.Per = 1_000_000
	for name, change := range map[string]func(s *memory.Store){
		"a refund":      func(s *memory.Store) { mustTake(t, s, "a", t0, -1, slow) },
		"a faster rate": func(s *memory.Store) { mustTake(t, s, "a", t0, 1, fast) },
		"a smaller burst": func(s *memory.Store) {
			small := slow
			small.Max = 1
			mustTake(t, s, "a", t0, -1, small)
		},
		"remaining set": func(s *memory.Store) {
			require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.SetRemaining, At: t0, Parts: []store.Part{store.NewPart("a", 10, slow)}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(memory.Config{MaxSubjects: 1})
			mustTake(t, s, "a", t0, 1, slow)
			_, err := take(t, s, "b", t0.Add(time.Minute), 1, slow)
			require.ErrorIs(t, err, store.ErrFull)
			change(s)
			mustTake(t, s, "b", t0.Add(time.Minute), 1, slow)
		})
	}
}

// TestDueLater keeps a window in a full store until the End that it was last charged
// with, though a newer window is live and ends first.
func TestDueLater(t *testing.T) {
	today, tomorrow := day("q", t0, 10, 0), day("q", t0.AddDate(0, 0, 1), 10, 0)
	month := today
	month.End = t0.AddDate(0, 0, 30).Unix()
	for name, last := range map[string][]store.Meter{
		"charged with a later End, after a newer window": {today, tomorrow, month},
		"a later End, then a newer window":               {month, tomorrow},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(memory.Config{MaxSubjects: 1})
			for _, m := range last {
				mustTake(t, s, "a", t0, 1, m)
			}
			_, err := take(t, s, "b", t0.AddDate(0, 0, 3), 1, today)
			require.ErrorIs(t, err, store.ErrFull)
			mustTake(t, s, "b", t0.AddDate(0, 0, 31), 1, today)
		})
	}
}

// TestDueSoonerByOwnClock repeats TestDueSooner where the store reads its own clock and
// the subject has a window beside the bucket.
func TestDueSoonerByOwnClock(t *testing.T) {
	never := store.Meter{Name: "rate", Max: 10}
	for name, test := range map[string]struct {
		keep   time.Duration
		change func(c *store.Charge)
	}{
		"a refund":                 {0, func(c *store.Charge) { c.Parts[0] = store.NewPart(c.Parts[0].Subject, -1, c.Parts[0].Meters...) }},
		"a refund, kept":           {24 * time.Hour, func(c *store.Charge) { c.Parts[0] = store.NewPart(c.Parts[0].Subject, -1, c.Parts[0].Meters...) }},
		"a rate":                   {0, func(c *store.Charge) { c.Parts[0].Meters[0].Rate = store.Rate{Tokens: 1, Per: 1_000_000} }},
		"remaining set":            {0, func(c *store.Charge) { c.Op, c.Parts[0].N[0] = store.SetRemaining, 10 }},
		"a window that ends first": {0, func(c *store.Charge) { c.Parts[0].Meters[0].Rate = store.Rate{Tokens: 1, Per: 60_000_000} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, window := memory.New(memory.Config{MaxSubjects: 1}), func() store.Meter {
					return store.Meter{Name: "minute", Max: 10, Start: time.Now().Unix(), End: time.Now().Unix() + 60, Keep: test.keep}
				}
				mustTake(t, s, "a", time.Time{}, 1, never, window())
				_, err := take(t, s, "b", time.Time{}, 1, never)
				require.ErrorIs(t, err, store.ErrFull)
				c := store.Charge{Parts: []store.Part{store.NewPart("a", 1, never)}}
				test.change(&c)
				require.NoError(t, s.Take(t.Context(), &c))
				time.Sleep(time.Minute - time.Microsecond)
				_, err = take(t, s, "b", time.Time{}, 1, window())
				require.ErrorIs(t, err, store.ErrFull)
				time.Sleep(time.Minute + time.Microsecond)
				mustTake(t, s, "b", time.Time{}, 1, window())
			})
		})
	}
}

// shapes returns the meters that TestEvictKeepsAllowances charges on a day: some fit the
// cells of an account, some do not, and rare ones never do.
func shapes(now time.Time) [][]store.Meter {
	slow := store.Meter{Name: "slow", Max: 5, Rate: store.Rate{Tokens: 3, Per: 7_000_000}}
	third := store.Meter{Name: "third", Max: 20, Rate: store.Rate{Tokens: 1, Per: 5_000_000}}
	id := store.Meter{Name: "id " + strconv.Itoa(now.Second()%3), Max: 1, Rate: store.Rate{Tokens: 1, Per: 2_000_000}, Rare: true}
	today, hour := day("day", now, 20, time.Hour), day("hour", now, 9, 0)
	hour.Start = now.Truncate(time.Hour).Unix()
	hour.End = hour.Start + 60*60
	return [][]store.Meter{
		{bucket}, {today}, {bucket, today}, {bucket, today, id}, {id},
		{bucket, slow}, {slow, bucket, third}, {bucket, slow, today, hour}, {third, slow, bucket, hour, today, id},
	}
}

// TestEvictKeepsAllowances plays random charges on a store with too little room beside
// one with plenty. Each charge gets ErrFull or the same answer from both. Reads are left
// out, because they may miss ended windows.
func TestEvictKeepsAllowances(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	full, charges := 0, 0
	for range 20 {
		small, large := memory.New(memory.Config{MaxSubjects: 1 + rnd.IntN(20)}), memory.New(memory.Config{})
		now := t0
		for range 2000 {
			now = now.Add(time.Duration(rnd.Int64N(int64(200 * time.Millisecond))))
			if rnd.IntN(500) == 0 {
				now = now.Add(time.Hour * time.Duration(rnd.IntN(20)))
			}
			all := shapes(now)
			c := store.Charge{At: now, Parts: []store.Part{store.NewPart(strconv.Itoa(rnd.IntN(30)), rnd.Int64N(8)-2, all[rnd.IntN(len(all))]...)}}
			if rnd.IntN(20) == 0 {
				c.Op = store.SetRemaining
			} else if c.Parts[0].N[0] == 0 {
				continue
			}
			want := c
			want.Parts = slices.Clone(c.Parts)
			want.Parts[0].Levels = slices.Clone(c.Parts[0].Levels)
			err := small.Take(t.Context(), &c)
			if errors.Is(err, store.ErrFull) {
				full++
				continue
			}
			require.NoError(t, err)
			require.NoError(t, large.Take(t.Context(), &want))
			require.Equal(t, want.OK, c.OK)
			require.Equal(t, want.Parts[0].Levels, c.Parts[0].Levels)
			charges++
		}
	}
	require.Greater(t, full, 1000, "the small stores were never full")
	require.Greater(t, charges, 10000)
}

// TestClockAhead charges other subjects by a clock that is ahead, in a full store and in
// a growing one. They do not evict live state.
func TestClockAhead(t *testing.T) {
	now := time.Now()
	daily := store.Meter{Name: "rate", Max: 5, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	for name, test := range map[string]struct {
		most  int
		meter func(at time.Time) store.Meter
	}{
		"bucket, growing": {0, func(time.Time) store.Meter { return daily }},
		"bucket, full":    {100, func(time.Time) store.Meter { return daily }},
		"window, growing": {0, func(at time.Time) store.Meter { return day("day", at, 5, 0) }},
		"window, full":    {100, func(at time.Time) store.Meter { return day("day", at, 5, 90*24*time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(memory.Config{MaxSubjects: test.most})
			mustTake(t, s, "me", now, 5, test.meter(now))
			for i := range 5000 {
				at := now.Add(10 * 24 * time.Hour)
				if _, err := take(t, s, strconv.Itoa(i), at, 1, test.meter(at)); err != nil {
					require.ErrorIs(t, err, store.ErrFull)
				}
			}
			require.EqualValues(t, 5, mustTake(t, s, "me", now, 0, test.meter(now)).Parts[0].Levels[0].Used)
		})
	}
}

// TestSweepBeforeGrowth shows that a store that is never full evicts spent subjects as
// well.
func TestSweepBeforeGrowth(t *testing.T) {
	s := memory.New(memory.Config{})
	for i := range 200_000 {
		mustTake(t, s, strconv.Itoa(i), t0.Add(time.Duration(i)*time.Millisecond), 1, bucket) // spent after 1s, so 1,000 are live
	}
	require.Less(t, s.Stats().Subjects, int64(20_000))
}
