package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Dumper is an optional interface of a Counter that gives its whole content away, and
// takes that of another store. Package [github.com/ration-go/ration/store/transfer]
// copies stores by it.
//
// Caution: a copy of a store that is in use is not exact. A charge of a subject that was
// dumped already is not in the copy, so its units can be taken again from the copy. A
// Move during a dump can leave the state of its subject out. Close the source first.
//
// Caution: a bucket keeps its instant, which is by the clock of the source. If that clock
// is ahead of the other store's, the bucket refills later by the difference. If it is
// behind, the bucket refills sooner.
type Dumper interface {
	// Dump returns a page of records, and the cursor of the next page. The empty cursor
	// begins a dump, and an empty next ends it. A page has about limit records, which is at
	// least 1. It may have none, and still a next cursor. A cursor that is not from Dump of
	// this store returns ErrInvalid. A cursor is valid for as long as the store is open.
	//
	// A subject that has state throughout the dump, or is closed throughout it, is in the
	// dump at least once, and so are its states. Each record is of one instant. Dump changes
	// nothing, and may leave out a state that means nothing any more: see MeterState.Until.
	Dump(ctx context.Context, cursor string, limit int) (records []Record, next string, err error)

	// Restore adds records to the store. Charges then find the states as if they had been
	// charged here. Restore is safe for concurrent use, also beside charges. A call may have
	// any number of records.
	//
	// If the store has a state of a meter already, the one that supersedes the other is
	// kept: see MeterState.Supersedes. So a call can be repeated, and it never takes back
	// what was charged meanwhile.
	//
	// A record with states of a subject that is closed here returns a MovedError. A record
	// that closes a subject which has state here, or is closed for another one, returns an
	// error that wraps ErrInvalid. If there is no room for a subject, the error wraps
	// ErrFull. If a record breaks a rule of Record.Check, the error wraps ErrInvalid and no
	// record was restored. After any other error some of the records may have been restored,
	// each of them as a whole.
	Restore(ctx context.Context, records []Record) error
}

// A Record is what a store keeps of one subject. Write it with field names, since fields
// may be added.
type Record struct {
	// Subject is as in a Part.
	Subject string

	// States are the states of the subject's meters, in any order. A subject may have many
	// thousand, such as IDs and ended windows.
	States []MeterState

	// MovedTo is the subject to which a Move has moved this one. It is empty if the subject
	// is open. A closed subject has no States.
	MovedTo string

	// Until is the Unix second until which the subject stays closed. It is zero if the
	// subject is open.
	Until int64
}

// A MeterState is a meter and its state. It has no figure of a limit, because a state
// does not depend on them: the next charge brings them.
type MeterState struct {
	// Name and Rare are those of the Meter. Windows are not Rare.
	Name string
	Rare bool

	// IsWindow says that the meter is a window, and not a bucket.
	IsWindow bool

	// Start and End are those of the window. End is zero if the store does not keep it.
	Start, End int64

	// Until is the Unix second from which the state means nothing any more, and need not be
	// kept: a bucket is full, and a window is past its End+Keep. It is MaxUnits for a bucket
	// that nothing refills. A store may keep a state for longer.
	Until int64

	// State is the bucket or the window. The Last of a bucket is in Unix microseconds. A
	// store whose own clock is another one converts it.
	State
}

// StateOf returns the MeterState of m. It is for stores that know the figures with which
// a meter was last charged.
func StateOf(m *Meter, s State) MeterState {
	out := MeterState{Name: m.Name, IsWindow: m.IsWindow(), Start: m.Start, End: m.End}
	if m.IsWindow() {
		out.Window = s.Window
		out.Until = m.KeptUntil()
		return out
	}
	out.Rare, out.Bucket = m.Rare, s.Bucket
	out.Until = MaxUnits
	if full := s.Bucket.FullAt(m); full < math.MaxInt64 {
		out.Until = floorSecond(full-1) + 1
	}
	return out
}

// KeptUntil returns the Unix second from which window m need not be kept: its End+Keep,
// rounded up. It is at most MaxUnits.
func (m *Meter) KeptUntil() int64 {
	keep := int64(m.Keep / time.Second)
	if m.Keep%time.Second > 0 {
		keep++
	}
	return min(m.End+keep, MaxUnits)
}

// IsOver reports whether s means nothing any more at an instant in Unix microseconds.
func (s *MeterState) IsOver(now int64) bool { return s.Until <= floorSecond(now) }

// SameMeter reports whether s and o are states of one meter.
func (s *MeterState) SameMeter(o *MeterState) bool {
	return s.Name == o.Name && s.IsWindow == o.IsWindow && s.Start == o.Start
}

// Supersedes reports whether s is to be kept, and not o, if both are states of one meter.
// It is the later one: of a bucket that with the later Last, and of a window that with
// the greater Used. If these are equal, it is the one that allows less.
func (s *MeterState) Supersedes(o *MeterState) bool {
	if s.IsWindow {
		a, b := &s.Window, &o.Window
		switch {
		case a.Used != b.Used:
			return a.Used > b.Used
		case a.Extra != b.Extra:
			return a.Extra < b.Extra
		}
		return a.Last > b.Last
	}
	a, b := &s.Bucket, &o.Bucket
	switch {
	case a.Last != b.Last:
		return a.Last > b.Last
	case a.Tokens != b.Tokens:
		return a.Tokens < b.Tokens
	}
	return float64(a.Part)/float64(a.Per) < float64(b.Part)/float64(b.Per)
}

// CheckRecords returns every fault of records, or nil. The error wraps ErrInvalid. Stores
// call it at the start of Restore.
func CheckRecords(records []Record) error {
	var errs []error
	for i := range records {
		for _, err := range records[i].faults() {
			errs = append(errs, fmt.Errorf("records[%d].%w", i, err))
		}
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
}

// Check returns every fault of r, or nil. The error wraps ErrInvalid.
func (r *Record) Check() error {
	if errs := r.faults(); errs != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
	}
	return nil
}

func (r *Record) faults() (errs []error) {
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if n := len(r.Subject); n == 0 || n > MaxSubject {
		fault("subject: %d bytes: want 1 to %d", n, MaxSubject)
	}
	switch n := len(r.MovedTo); {
	case n == 0 && r.Until != 0:
		fault("until: %d: want 0, since the subject is open", r.Until)
	case n == 0:
	case n > MaxSubject || r.MovedTo == r.Subject:
		fault("moved_to: %.100q: want another subject of 1 to %d bytes", r.MovedTo, MaxSubject)
	case len(r.States) > 0:
		fault("states: %d of them: want none, since the subject is closed", len(r.States))
	case outside(r.Until):
		fault("until: %d: want at most 2^53-1", r.Until)
	}
	type meter struct {
		name     string
		isWindow bool
		start    int64
	}
	seen := make(map[meter]bool, len(r.States))
	for i := range r.States {
		s := &r.States[i]
		if id := (meter{s.Name, s.IsWindow, s.Start}); seen[id] {
			fault("states[%d]: %.*q: there twice", i, MaxName, s.Name)
		} else {
			seen[id] = true
		}
		if err := s.fault(); err != nil {
			fault("states[%d].%w", i, err)
		}
	}
	return errs
}

// fault returns the first fault of s.
func (s *MeterState) fault() error {
	b, w := &s.Bucket, &s.Window
	switch n := len(s.Name); {
	case n == 0 || n > MaxName:
		return fmt.Errorf("name: %d bytes: want 1 to %d", n, MaxName)
	case outside(s.Until):
		return fmt.Errorf("until: %d: want at most 2^53-1", s.Until)
	case s.IsWindow && (outside(s.Start) || outside(s.End) || s.Until <= s.Start):
		return fmt.Errorf("start, end, until: %d, %d, %d: want at most 2^53-1, and until after start", s.Start, s.End, s.Until)
	case s.IsWindow && s.End != 0 && (s.End <= s.Start || s.End > s.Until):
		return fmt.Errorf("end: %d: want it after start, %d, and not after until, %d", s.End, s.Start, s.Until)
	case s.IsWindow && s.Rare:
		return errors.New("rare: true: want false for a window")
	case s.IsWindow && (w.Used < 0 || w.Used > MaxUnits || outside(w.Extra) || w.Last < 0 || w.Last > MaxLast):
		return fmt.Errorf("window: used, extra, last: %d, %d, %d: want used from 0, and last from 0 to %d", w.Used, w.Extra, w.Last, MaxLast)
	case s.IsWindow && *b != Bucket{}:
		return errors.New("bucket: want none in a window")
	case s.IsWindow:
		return nil
	case s.Start != 0 || s.End != 0 || *w != Window{}:
		return errors.New("start, end, window: want none in a bucket")
	case b.Tokens < 0 || b.Per < 1 || b.Per > MaxUnits || b.Tokens > MaxUnits/b.Per || b.Part < 0 || b.Part >= b.Per || outside(b.Last):
		return fmt.Errorf("bucket: tokens, part, per, last: %d, %d, %d, %d: want tokens from 0, tokens*per up to 2^53-1, and part from 0 to per-1",
			b.Tokens, b.Part, b.Per, b.Last)
	}
	return nil
}

func outside(n int64) bool { return n > MaxUnits || n < -MaxUnits }
