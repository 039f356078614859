package quota

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// RecordName is the usual name of a usage record: a window of the UTC day that counts and
// never refuses. Reports read it; quotas enforce.
const RecordName = "use"

// Record is the usage record's window of at's UTC day.
func Record(name string, at time.Time, keep time.Duration) store.Meter {
	return recordOf(name).Meter(at, keep)
}

// recordOf is a usage record as a quota, though of a limit that no quota may have.
func recordOf(name string) Quota { return Quota{Name: name, Limit: store.Unlimited, Period: Day} }

// DayUsage is what was used in one window of a usage record, [Start, End). A record has
// no limit.
type DayUsage struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Used  int64     `json:"used"`
}

// Usage is what was used in one window of a quota, [Start, End).
type Usage struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`

	// Used is the units. Limit is the allowance with what it was extended by. Remaining is
	// what is left of it, never negative.
	Used      int64 `json:"used"`
	Limit     int64 `json:"limit"`
	Remaining int64 `json:"remaining"`
}

// MaxWindows is the most windows that can be asked for at once: a year of days and a day.
const MaxWindows = 366

// Days is what each of the subjects used on each of the last UTC days up to at's, oldest
// first, from usage records of one name; the zero at is now. It is one store.Peek. Days
// is 1 to MaxWindows, or the error wraps ErrInvalid.
func Days(ctx context.Context, c store.Counter, at time.Time, subjects []string, name string, days int) ([][]DayUsage, error) {
	return read(ctx, c, at, subjects, recordOf(name), days, func(m *store.Meter, l *store.Level, in *time.Location) DayUsage {
		return DayUsage{time.Unix(m.Start, 0).In(in), time.Unix(m.End, 0).In(in), l.Used}
	})
}

// Windows is what each of the subjects used in each of the last n windows of q up to
// at's, oldest first, as Days is of the record. Windows that the store has forgotten read
// as unused. The Limit of past windows is today's, as far as it was not extended. A fault
// of q is an error that wraps ErrInvalid.
func Windows(ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int) ([][]Usage, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	return read(ctx, c, at, subjects, q, n, func(m *store.Meter, l *store.Level, in *time.Location) Usage {
		return Usage{time.Unix(m.Start, 0).In(in), time.Unix(m.End, 0).In(in), l.Used, l.Max, l.Remaining()}
	})
}

// read asks for the last n windows of q, and has usage tell of each.
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
		meters[i] = q.Meter(t, 0) // how long it is kept was said when it was charged
		t = time.Unix(meters[i].Start, 0).Add(-time.Nanosecond)
	}
	levels := make([]store.Level, len(subjects)*n)
	if err := store.Peek(ctx, c, at, subjects, meters, levels); err != nil {
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
