package quota

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// RecordName is the usual name of a usage record: a window of the UTC day that counts and never refuses. Reports read it;
// quotas enforce.
const RecordName = "use"

// Record is the usage record's window of at's UTC day.
func Record(name string, at time.Time, keep time.Duration) store.Meter {
	return Quota{Name: name, Limit: store.Unlimited, Period: Day}.Meter(at, keep)
}

// Usage is what was used in one window, [Start, End).
type Usage struct {
	Start, End time.Time

	// Used is the units; Limit the allowance with what it was extended by (store.Unlimited in a record); Remaining what is
	// left of it, never negative.
	Used, Limit, Remaining int64
}

// MaxWindows is the most windows that can be asked for at once: a year of days and a day.
const MaxWindows = 366

// Days is what each of the subjects used on each of the last UTC days up to at's, oldest first, from usage records of one
// name; the zero at is now. It is one store.Peek. Days is 1 to MaxWindows, or the error wraps ErrInvalid.
func Days(ctx context.Context, c store.Counter, at time.Time, subjects []string, name string, days int) ([][]Usage, error) {
	return read(ctx, c, at, subjects, Quota{Name: name, Limit: store.Unlimited, Period: Day}, days)
}

// Windows is what each of the subjects used in each of the last n windows of q up to at's, oldest first, as Days is of the
// record. Windows that the store has forgotten read as unused. The Limit of past windows is today's, as far as it was not
// extended. A fault of q is an error that wraps ErrInvalid.
func Windows(ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int) ([][]Usage, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	return read(ctx, c, at, subjects, q, n)
}

func read(ctx context.Context, c store.Counter, at time.Time, subjects []string, q Quota, n int) ([][]Usage, error) {
	if n < 1 || n > MaxWindows {
		return nil, fmt.Errorf("%w windows: %d: want 1 to %d", ErrInvalid, n, MaxWindows)
	}
	if at.IsZero() {
		at = time.Now()
	}
	windows, meters := make([]Usage, n), make([]store.Meter, n)
	for i, t := n-1, at; i >= 0; i-- {
		windows[i].Start, windows[i].End = q.Window(t)
		meters[i] = q.Meter(t, 0) // how long it is kept was said when it was charged
		t = windows[i].Start.Add(-time.Nanosecond)
	}
	levels := make([]store.Level, len(subjects)*n)
	if err := store.Peek(ctx, c, at, subjects, meters, levels); err != nil {
		return nil, fmt.Errorf("quota: usage: %w", err)
	}
	usage := make([][]Usage, 0, len(subjects))
	for of := range slices.Chunk(levels, n) {
		list := slices.Clone(windows)
		for i, l := range of {
			list[i].Used, list[i].Limit, list[i].Remaining = l.Used, l.Max, l.Remaining()
		}
		usage = append(usage, list)
	}
	return usage, nil
}
