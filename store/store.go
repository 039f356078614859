// Package store is how Ration counts: the one contract that a store of counters keeps,
// and the pure arithmetic that all of them share. Its reader is whoever writes a store
// for another database, or calls one directly; package
// [github.com/ration-go/ration/store/storetest] checks every promise made here.
//
// Keys and plans are not counters. Their contracts are apikey.Store and usageplan.Store,
// and they may live in another database.
package store

import (
	"context"
	"errors"
	"math"
	"time"
)

// Bounds of the contract. Every figure and all state are integers of at most MaxUnits,
// which is what a double holds exactly: the same arithmetic is then exact in Go, in Lua
// and in JSON.
const (
	// MaxMeters is the most meters that one Charge can carry.
	MaxMeters = 8

	// MaxSubject and MaxName are the most bytes of a Charge's Subject and of a Meter's Name.
	MaxSubject = 512
	MaxName    = 128

	// MaxUnits bounds every figure: limits, counts, microseconds, Unix seconds.
	MaxUnits = 1<<53 - 1

	// Unlimited is the Max of a window that counts and does not refuse, such as a usage
	// record, until it has counted that much.
	Unlimited = MaxUnits

	// Never is the wait of a charge that cannot fit however long one waits, and the reset of
	// a bucket that nothing refills.
	Never = time.Duration(math.MaxInt64)
)

// Errors that a Counter returns. Any other error means that the store failed and that the
// charge may have happened.
var (
	// ErrNotTaken is wrapped by a failure that provably came before the charge.
	ErrNotTaken = errors.New("store: not taken")

	// ErrFull is wrapped, beside ErrNotTaken, when there is no room for a new subject:
	// making some would cost another subject its allowance.
	ErrFull = errors.New("store: full")

	// ErrInvalid is wrapped, beside ErrNotTaken, when the charge breaks a rule of this
	// contract. It is the caller's fault, never a failure of the store, so no failure policy
	// applies to it.
	ErrInvalid = errors.New("store: invalid charge")
)

// Counter counts. Take applies c.N to the meters of c.Subject, to all of them or to none,
// and fills in the answer.
//
// A refusal is not an error: c.OK is false and nothing has changed. An error means that
// the store failed. If it wraps ErrNotTaken the charge did not happen; otherwise it may
// have, and nobody may repeat it. A charge that Charge.Check faults is refused with what
// Check returned. If ctx is done before the charge begins, Take charges nothing and
// returns an error that wraps both ctx.Err() and ErrNotTaken; once begun, the charge
// stands whatever becomes of ctx.
//
// Take is atomic for one subject and safe for concurrent use. It does not change
// c.Meters, and it touches neither c nor anything c points to after it has returned:
// callers reuse a Charge. (Take has a pointer because copying so large an answer out by
// value would cost a third of a whole decision in memory.)
//
// A Counter that wraps another embeds this interface, never the type of a store: what
// else a store has, such as TakeOne, Peek and Local, would be promoted, and callers that
// find it there go past the wrapper's Take.
type Counter interface {
	Take(ctx context.Context, c *Charge) error
}

// Charge is one decision, question and answer. Write it with field names: fields may be
// added.
type Charge struct {
	// Subject is who pays: 1 to MaxSubject bytes of any value. Two subjects never affect one
	// another. A store that keeps it clones it first (strings.Clone): it may be part of a
	// buffer that is used again.
	Subject string

	// At is the caller's clock, as time.Now returned it (UTC and In would strip the
	// monotonic reading). It says how far windows are from their end. Buckets refill by At
	// where the store lives in the caller's process, so that a decision reads a clock once,
	// and by the store's own clock where processes share one (Redis). Zero: the store reads
	// its own. State never moves back for an earlier At.
	At time.Time

	// Meters are what is charged, see Check. They are built once per plan and window, shared
	// between requests, and read only. Two of them with the same Name and Start are the
	// builder's fault, and undefined.
	Meters []Meter

	// N[i] is for Meters[i]: positive takes, zero only reads, negative gives back. If every
	// positive N fits, all of N is applied, else none. Giving back stops at a full bucket
	// and at zero used, and is never a reason to refuse. A window may be charged and given
	// back to until its End+Keep, so a refund goes where the charge went, after midnight
	// too. A read changes nothing: it makes no subject, starts no window and ends none.
	N [MaxMeters]int64

	// SetRemaining makes N[i] what remains of each of Meters from now on, instead of taking:
	// a window's allowance is extended or cut, for that window only and whatever its use; a
	// bucket holds N[i] tokens, at most its capacity. N below zero counts as zero. Unlimited
	// windows are left alone. It is never refused, and repeating it changes nothing.
	SetRemaining bool

	// OK is the answer: whether the charge was applied. Undefined after an error.
	OK bool

	// Levels[i] tells of Meters[i] after the charge, or as it stands if OK is false. Those
	// past the last of Meters keep what they held. Undefined after an error.
	Levels [MaxMeters]Level

	// Place is where the Counter found Subject when it last took a charge of it, in terms of
	// its own. A Counter may write it, and a caller that keeps it beside the subject and
	// brings it along spares the Counter the search, which in memory is a good part of a
	// decision. It is a hint: whatever it holds, zero or another subject's place, changes no
	// answer.
	Place uint64
}

// Each is N for n units of every meter.
func Each(n int64) (all [MaxMeters]int64) {
	for i := range all {
		all[i] = n
	}
	return all
}

// Meter is one thing that is counted: a window of time if it has an End, else a token
// bucket.
//
// State belongs to (subject, name), for a window to (subject, name, start), and never to
// the figures: when those change, what was counted stays. A bucket keeps the tokens it
// has, down to a smaller Max; a window keeps its use, even above a smaller Max.
type Meter struct {
	// Name is 1 to MaxName bytes of any value. A store that keeps it clones it first, as it
	// does the Subject.
	Name string

	// Max is a bucket's capacity, full at first, or a window's allowance, in units: 0 to
	// MaxUnits. Zero refuses everything.
	Max int64

	// Rate is what refills a bucket; zero: nothing does. A window has none.
	Rate Rate

	// Rare says of a bucket that few of the subject's charges name it, of which there may be
	// many, such as an idempotency id: a store may keep it where it costs the others
	// nothing. It changes no answer, and is the same in every charge of the bucket. A window
	// has it in vain.
	Rare bool

	// Start and End are the window [Start, End) in Unix seconds. Both are zero for a bucket.
	Start, End int64

	// Keep is how long after End a window can at least be read and given back to; zero: not
	// at all. Later it may be forgotten, and then reads as unused.
	//
	// A window that was forgotten and is charged again admits its whole allowance again. So
	// Keep is also how far clocks may differ without a limit being exceeded: those of two
	// callers, or one clock that goes ahead and back. Whoever sets a limit keeps its windows
	// for a day or so, however short they are, and whatever the reports need.
	Keep time.Duration
}

// IsWindow says whether m is a window of time rather than a token bucket.
func (m *Meter) IsWindow() bool { return m.End != 0 }

// Rate is Tokens every Per microseconds, in lowest terms: one a day is {1,
// 86_400_000_000}, 7 a second {7, 1_000_000}, a million a second {1, 1}. The zero Rate is
// nothing at all. RateOf makes one of a figure per second.
type Rate struct{ Tokens, Per int64 }

// Level is the state of one meter. Its durations count from the Charge's At, or from the
// store's clock where buckets refill by it, and are rounded up to the microsecond. A
// bucket does not refill while its clock is behind an instant at which the bucket has
// been charged, such as after the clock stepped back: Wait and Reset include that time.
type Level struct {
	// Max is a bucket's capacity, or a window's allowance with what SetRemaining added.
	Max int64

	// Used is a bucket's capacity less its whole tokens, or a window's units, after the
	// charge: before it, Used-N. A window's may exceed Max, after a downgrade or a charge
	// that was settled above the limit.
	Used int64

	// Wait is zero for a meter that does not refuse; else how long until this charge fits it
	// if nobody else comes, or Never.
	Wait time.Duration

	// Reset is how long until a bucket is full or a window ends; Never for a bucket that
	// nothing refills.
	Reset time.Duration
}

// Remaining is the units that could be taken now, never negative.
func (l Level) Remaining() int64 { return max(0, l.Max-l.Used) }
