package store

import (
	"context"
	"time"
)

// A ListTaker is an optional interface of a Counter in the caller's process: a fast path
// that charges one subject for a MeterList. It saves the caller the writing and reading
// of a whole Charge, the Counter the comparison of meters that it knows, and both the
// Levels that nobody asks for. Without it a decision of a Gate in memory takes 1.3 times
// as long.
//
// A Counter that wraps another must not inherit TakeList from an embedded store, since
// that would bypass its own Take: see Counter. Leaving it out is only slower.
type ListTaker interface {
	// TakeList charges n[i] units to the i-th meter of a list, as Take would do for a Charge
	// of one part. place is the Place of that part. The At of that Charge is at.Add(since),
	// and neither at nor that sum is zero. A caller that adds to an earlier reading of the
	// clock passes both, since it is faster to add microseconds.
	//
	// TakeList decides what it can decide at once: a Spend of no negative units by a subject
	// whose place and meters it knows. Otherwise decided is false, nothing has changed, and
	// the caller calls Take. So TakeList returns no error. A call with a ctx that is done is
	// never decided.
	//
	// If decided, ok is what would be in OK, and s has what would be in Levels. TakeList may
	// keep the list after it has returned. It is safe for concurrent use.
	TakeList(ctx context.Context, subject string, place uint64, list *MeterList, at time.Time, since time.Duration, n []int64) (s Standing, ok, decided bool)
}

// A MeterList is a list of meters that never changes. A ListTaker that has compared it
// with a subject's meters once recognizes it by its pointer.
type MeterList struct {
	meters []Meter
	cells  [standingCells]uint8 // the first cell of each meter in a Standing
}

// standingCells is the number of cells of a Standing. It suffices for a bucket and three
// windows, or for two buckets.
const standingCells = 6

// NewMeterList returns a list of these meters, which it copies. It returns nil if no
// ListTaker would decide about them: CheckMeters finds a fault, a meter is Soft or
// Rare, or their state takes more than six numbers. A bucket takes three and a window
// one.
func NewMeterList(meters []Meter) *MeterList {
	if CheckMeters(meters) != nil {
		return nil
	}
	l, used := new(MeterList), 0
	for i := range meters {
		m, n := &meters[i], windowCells
		if !m.IsWindow() {
			n = bucketCells
		}
		if m.Soft || m.Rare || used+n > standingCells {
			return nil
		}
		l.cells[i] = uint8(used)
		used += n
	}
	l.meters = append(l.meters, meters...)
	return l
}

// Meters returns the meters of l.
//
// Caution: the meters must not be changed. A Counter that knows the list would go on to
// charge them by the figures that they had, or by a mixture.
func (l *MeterList) Meters() []Meter { return l.meters }

// Cell returns the index of the first cell of the i-th meter in a Standing.
func (l *MeterList) Cell(i int) int { return int(l.cells[i]) }

// Take applies a charge of n[i] units to the i-th meter, at the instants of s. It reports
// whether every meter fits and no n is negative. If not, the cells of s are undefined.
func (l *MeterList) Take(s *Standing, n []int64) (ok bool) {
	for i := range l.meters {
		switch m, n := &l.meters[i], n[i]; {
		case n == 0:
			continue // a read stores no refill
		case n < 0:
			return false
		case m.IsWindow():
			ok = s.takeUnits(m, int(l.cells[i]), n)
		default:
			ok = s.takeTokens(m, int(l.cells[i]), n)
		}
		if !ok {
			return false
		}
	}
	return true
}
