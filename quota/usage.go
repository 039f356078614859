package quota

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// RecordName is the usual name of a usage record: a window of the UTC day that counts and
// never refuses. Reports read usage records. Quotas enforce limits.
const RecordName = "use"

// Record returns the meter of the usage record for the UTC day that at is in.
func Record(name string, at time.Time, keep time.Duration) store.Meter {
	return recordOf(name).Meter(at, keep)
}

// recordOf describes a usage record as a Quota. Its Limit is one that Validate refuses.
func recordOf(name string) Quota { return Quota{Name: name, Limit: store.Unlimited, Period: Day} }

// DayUsage reports what was used in one window of a usage record, [Start, End). A record
// has no limit.
type DayUsage struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Used  int64     `json:"used"`
}

// Usage reports what was used in one window of a quota, [Start, End).
type Usage struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`

	// Used is the number of units used. Limit is the allowance, including what it was
	// extended by. Remaining is what is left of it, never negative.
	Used      int64 `json:"used"`
	Limit     int64 `json:"limit"`
	Remaining int64 `json:"remaining"`

	// Leased is how many units of Used are only leased: other processes have taken them in
	// blocks, and are not known to have spent them. See package lease. They will be spent or
	// given back, so Used - Leased is what was spent. Units that a process leased before it
	// crashed stay leased until the window ends. The leases of this process itself count
	// neither here nor in Used.
	Leased int64 `json:"leased,omitempty"`
}

// MaxWindows is the maximum number of windows in one report: a year of days and one more.
const MaxWindows = 366

// Days returns what each subject used on each of the last UTC days, oldest first, from
// the usage records of one name. The last day is the one that at is in. A zero at means
// now. Days calls store.Peek once. If days is not 1 to MaxWindows, the error wraps
// ErrInvalid.
func Days(ctx context.Context, c store.Counter, at time.Time, subjects []string, name string, days int) ([][]DayUsage, error) {
	q := recordOf(name)
	at = orNow(at)
	meters, err := q.last(days, at)
	if err != nil {
		return nil, err
	}
	levels, err := peek(ctx, c, at, subjects, meters)
	if err != nil {
		return nil, err
	}
	return reports(len(subjects), meters, func(i int, m *store.Meter) DayUsage {
		return DayUsage{time.Unix(m.Start, 0).In(q.zone()), time.Unix(m.End, 0).In(q.zone()), levels[i].Used}
	}), nil
}

// Windows returns what each subject used in each of the last n windows of q, oldest
// first. The last window is the one that at is in. A zero at means now. A window that the
// store has forgotten reads as unused. The Limit of a past window is q's present Limit
// plus what that window was extended by. Windows calls store.Peek once. If q is invalid
// or n is not 1 to MaxWindows, the error wraps ErrInvalid.
func Windows(ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int) ([][]Usage, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	at = orNow(at)
	meters, err := q.last(n, at)
	if err != nil {
		return nil, err
	}
	counts, of := leasedCounts(subjects)
	levels, err := peek(ctx, c, at, slices.Concat(subjects, counts), meters)
	if err != nil {
		return nil, err
	}
	all := reports(len(subjects), meters, func(i int, m *store.Meter) Usage {
		l := &levels[i]
		return Usage{
			Start: time.Unix(m.Start, 0).In(q.zone()), End: time.Unix(m.End, 0).In(q.zone()),
			Used: l.Used, Limit: l.Max, Remaining: l.Remaining(),
		}
	})
	leased := levels[len(subjects)*n:]
	for i, s := range of {
		for j := range n {
			u := &all[s][j]
			u.Leased = min(leased[i*n+j].Used, u.Used)
		}
	}
	return all, nil
}

// leasedCounts returns the subjects under which processes count what they have leased. It
// also returns which of the subjects each count is of.
func leasedCounts(subjects []string) (counts []string, of []int) {
	for i, subject := range subjects {
		if count, ok := store.LeasedSubject(subject); ok {
			counts, of = append(counts, count), append(of, i)
		}
	}
	return counts, of
}

// orNow returns at, or the present if at is zero.
func orNow(at time.Time) time.Time {
	if at.IsZero() {
		return time.Now()
	}
	return at
}

// last returns the meters of the last n windows of q, oldest first. The last one is the
// window that at is in.
func (q Quota) last(n int, at time.Time) ([]store.Meter, error) {
	if n < 1 || n > MaxWindows {
		return nil, fmt.Errorf("%w windows: %d: want 1 to %d", ErrInvalid, n, MaxWindows)
	}
	meters := make([]store.Meter, n)
	for i, t := n-1, at; i >= 0; i-- {
		meters[i] = q.Meter(t, 0) // a read does not change how long a window is kept
		t = time.Unix(meters[i].Start, 0).Add(-time.Nanosecond)
	}
	return meters, nil
}

// peek reads the levels of meters for many subjects.
func peek(ctx context.Context, c store.Counter, at time.Time, subjects []string, meters []store.Meter) ([]store.Level, error) {
	levels := make([]store.Level, len(subjects)*len(meters))
	if err := store.Peek(ctx, c, at, subjects, meters, levels, nil); err != nil {
		return nil, fmt.Errorf("quota: usage: %w", err)
	}
	return levels, nil
}

// reports returns a list for each subject with a result for each meter. The func result
// makes it from the position of its level.
func reports[T any](subjects int, meters []store.Meter, result func(i int, m *store.Meter) T) [][]T {
	all := make([][]T, subjects)
	for s := range all {
		all[s] = make([]T, len(meters))
		for j := range meters {
			all[s][j] = result(s*len(meters)+j, &meters[j])
		}
	}
	return all
}
