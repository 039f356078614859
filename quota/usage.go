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
}

// MaxWindows is the maximum number of windows in one report: a year of days and one more.
const MaxWindows = 366

// Days returns what each subject used on each of the last UTC days, oldest first, from
// the usage records of one name. The last day is the one that at is in. A zero at means
// now. Days calls store.Peek once. If days is not 1 to MaxWindows, the error wraps
// ErrInvalid.
func Days(ctx context.Context, c store.Counter, at time.Time, subjects []string, name string, days int) ([][]DayUsage, error) {
	return read(ctx, c, at, subjects, recordOf(name), days, func(m *store.Meter, l *store.Level, in *time.Location) DayUsage {
		return DayUsage{time.Unix(m.Start, 0).In(in), time.Unix(m.End, 0).In(in), l.Used}
	})
}

// Windows returns what each subject used in each of the last n windows of q, oldest
// first. The last window is the one that at is in. A zero at means now. A window that the
// store has forgotten reads as unused. The Limit of a past window is q's present Limit
// plus what that window was extended by. If q is invalid or n is not 1 to MaxWindows, the
// error wraps ErrInvalid.
func Windows(ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int) ([][]Usage, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	return read(ctx, c, at, subjects, q, n, func(m *store.Meter, l *store.Level, in *time.Location) Usage {
		return Usage{time.Unix(m.Start, 0).In(in), time.Unix(m.End, 0).In(in), l.Used, l.Max, l.Remaining()}
	})
}

// read reads the last n windows of q for each subject. The func usage makes a result of
// each level.
func read[T any](ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int,
	usage func(*store.Meter, *store.Level, *time.Location) T) ([][]T, error) {
	if n < 1 || n > MaxWindows {
		return nil, fmt.Errorf("%w windows: %d: want 1 to %d", ErrInvalid, n, MaxWindows)
	}
	if at.IsZero() {
		at = time.Now()
	}
	meters := make([]store.Meter, n)
	for i, t := n-1, at; i >= 0; i-- {
		meters[i] = q.Meter(t, 0) // a read does not change how long a window is kept
		t = time.Unix(meters[i].Start, 0).Add(-time.Nanosecond)
	}
	levels := make([]store.Level, len(subjects)*n)
	if err := store.Peek(ctx, c, at, subjects, meters, levels, nil); err != nil {
		return nil, fmt.Errorf("quota: usage: %w", err)
	}
	all := make([][]T, 0, len(subjects))
	for of := range slices.Chunk(levels, n) {
		list := make([]T, n)
		for i := range of {
			list[i] = usage(&meters[i], &of[i], q.zone())
		}
		all = append(all, list)
	}
	return all, nil
}
