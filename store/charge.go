package store

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Op is what a Charge does. [Charge.Check] refuses every Op but those below. If a
// later version adds one, Check goes on to refuse it, so that a store that was written
// before does not apply half of it.
type Op uint8

const (
	// Spend takes N units of each meter, or nothing of any.
	//
	// A positive N takes units, zero only reads, and a negative N gives units back. Giving
	// back stops at a full bucket and at zero used. It is never refused. A window can be
	// charged and refunded until its End+Keep, so a refund reaches the window that was
	// charged, even after midnight.
	//
	// A read changes nothing. It creates no subject, stores no refill, and neither starts
	// nor ends a window. It does not change how long a window is kept. The same holds for a
	// meter that is only read in a charge of others, and for every meter of a refusal. A
	// read shows every charge that returned before it began.
	Spend Op = iota

	// SetRemaining makes N what remains of each meter from now on. A window's allowance is
	// extended or cut, for that window only and whatever its use is. A bucket then holds N
	// tokens, at most its capacity. An N below zero counts as zero. Unlimited windows do not
	// change. SetRemaining is never refused, and repeating it changes nothing.
	SetRemaining

	// Move closes the subject of the first part, and gives its whole state to the subject of
	// the second. It is for a key that joins a family, or leaves one. The parts have no
	// meters.
	//
	// A charge of a closed subject gets a [MovedError], so a process that has not heard of
	// the move cannot start the old subject anew. The subject stays closed for at least
	// ClosedFor, whatever the clocks of callers say, or until a Move to it opens it again. A
	// Move of a subject that has no state closes it, too, and opens the second one.
	//
	// The second subject must have no state, and a subject that is closed has none.
	// Otherwise Take returns an error that wraps ErrInvalid and ErrNotTaken, and changes
	// nothing. This holds even if the first subject has no state.
	//
	// Repeating a Move that has succeeded changes nothing and returns no error. A Move of a
	// closed subject to any other place than before returns the MovedError.
	//
	// A store that cannot move subjects returns an error that wraps errors.ErrUnsupported
	// and ErrNotTaken.
	//
	// A Move within one family is one step. Between families it is one step unless the store
	// keeps these in different places. Such a store first closes, then copies. Meanwhile
	// charges of both subjects fail with ErrNotTaken. If the store fails in between, a
	// repeated Move goes on.
	Move
)

// ClosedFor is how long a subject that was moved stays closed at least. It is far longer
// than a process uses a key that it has not read again.
const ClosedFor = 30 * 24 * time.Hour

// A MovedError says that a subject was closed by a [Move]. It wraps ErrNotTaken: nothing
// was charged. The caller reads again who is to be charged, and tries once more.
type MovedError struct {
	Subject string // the first subject of the charge that is closed
	To      string // the subject to which it was moved, which may have moved on since
}

// Error returns a text that names both subjects.
func (e *MovedError) Error() string {
	return fmt.Sprintf("store: not taken: subject %.100q has moved to %.100q", e.Subject, e.To)
}

// Unwrap returns ErrNotTaken.
func (e *MovedError) Unwrap() error { return ErrNotTaken }

// A Charge is one decision, with its question and its answer. Write it with field names,
// since fields may be added.
type Charge struct {
	// Op is what the charge does. The zero Op is Spend.
	Op Op

	// At is the caller's clock, as time.Now returned it (UTC and In would strip the
	// monotonic reading). If it is zero, the store reads its own clock.
	//
	// Windows use At to tell how far they are from their end. Buckets refill by At if the
	// store lives in the caller's process, so that a decision reads a clock once. If
	// processes share the store, such as Redis, buckets refill by the store's own clock. A
	// file that the processes of one machine share may do either, since they have one clock.
	// State never moves back for an earlier At.
	//
	// For windows At may be any instant, such as one before 1970 or after 2262. Between two
	// microseconds it counts as the earlier one.
	//
	// At speaks for the subjects of Parts alone. A caller whose clock is far ahead may end
	// their windows, and costs no other subject anything. It refills no bucket that the
	// charge does not change. So a store forgets the state of other subjects by its own
	// clock, or by the earlier of the two.
	At time.Time

	// Parts are the subjects that are charged, such as a key, its team and its organisation.
	// There are 1 to MaxParts, each subject once. Their order changes no answer.
	Parts []Part

	// OK reports whether the charge was applied. A Move sets it, also when it is repeated.
	// OK is undefined after an error.
	OK bool
}

// A Part is one subject of a Charge, and what it is charged.
type Part struct {
	// Subject identifies who is charged: 1 to MaxSubject bytes of any value. Subjects never
	// affect one another. A store that keeps the string clones it first (strings.Clone),
	// since it may be part of a buffer that is reused.
	//
	// The part of a subject before its first '>' is its Family.
	Subject string

	// Meters are what is charged, see CheckMeters. They are built once per plan and window,
	// shared between requests, and read only. There are at most MaxMeters. The result of two
	// meters with the same Name and Start in one part is undefined. CheckMeters reports
	// them.
	Meters []Meter

	// N[i] is the number of units for Meters[i]. N is as long as Meters, and read only. See
	// Op for what the numbers mean.
	N []int64

	// Levels[i] is the level of Meters[i] after the charge, or its present level if OK is
	// false. All levels of a charge are of the instant at which it was decided. Levels is as
	// long as Meters, or nil if the caller does not need it. It is undefined after an error.
	Levels []Level

	// Last[i] tells when units were last taken from the window Meters[i], after the charge:
	// see [Meter.LastTaken]. It is zero for a bucket, and for a window from which no units
	// were taken. Last is as long as Meters, or nil if the caller does not need it. It is
	// undefined after an error. (It is apart from Levels because few callers need it, and a
	// Level of five words costs every decision a few percent.)
	Last []int64

	// Place is a hint of where the Counter found Subject the last time, in the Counter's own
	// terms. A Counter may write it. A caller that keeps it beside the subject and passes it
	// again saves the Counter the search, which in memory is a good part of a decision. No
	// value of Place changes an answer, not even zero or another subject's place.
	Place uint64
}

// NewCharge returns a Charge of n units for each of one subject's meters. Callers that
// charge often reuse a Charge instead.
func NewCharge(subject string, n int64, meters ...Meter) *Charge {
	return &Charge{Parts: []Part{NewPart(subject, n, meters...)}}
}

// NewPart returns a Part that charges n units to each of its meters, with room for their
// levels.
func NewPart(subject string, n int64, meters ...Meter) Part {
	return Part{
		Subject: subject,
		Meters:  meters,
		N:       slices.Repeat([]int64{n}, len(meters)),
		Levels:  make([]Level, len(meters)),
	}
}

// Family returns the part of a subject before its first '>'. Of a subject without one it
// returns the whole.
//
// The subjects "acme", "acme>search" and "acme>key-7" are one family. A store keeps the
// subjects of a family together, so that it can always decide a charge within one family
// in one step. A store that can decide every charge in one step ignores families.
//
// The family stands in the subject's name, so it cannot change: under another family it
// is another subject.
func Family(subject string) string {
	family, _, _ := strings.Cut(subject, ">")
	return family
}
