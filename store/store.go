// Package store defines the contract of a counter store, and the arithmetic that all
// stores share. Read it to write a store for another database, or to call a store
// directly. Package [github.com/ration-go/ration/store/storetest] checks every promise
// made here.
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

// Bounds of the contract. Every figure and every state is an integer of at most MaxUnits,
// which is the greatest that a double holds exactly. The same arithmetic is then exact in
// Go, in Lua and in JSON.
const (
	// MaxMeters is the maximum number of meters in a Charge.
	MaxMeters = 8

	// MaxSubject and MaxName are the maximum lengths in bytes of a Charge's Subject and of a
	// Meter's Name.
	MaxSubject = 512
	MaxName    = 128

	// MaxUnits bounds every figure: limits, counts, microseconds, Unix seconds.
	MaxUnits = 1<<53 - 1

	// Unlimited is the Max of a window that counts and does not refuse, such as a usage
	// record. It refuses only when its count would exceed MaxUnits.
	Unlimited = MaxUnits

	// Never is the Wait of a charge that can never fit, and the Reset of a bucket that
	// nothing refills.
	Never = time.Duration(math.MaxInt64)
)

// Errors that a Counter returns. Any other error means that the store failed and that the
// charge may have happened.
var (
	// ErrNotTaken is wrapped by a failure that certainly came before the charge.
	ErrNotTaken = errors.New("store: not taken")

	// ErrFull is wrapped, beside ErrNotTaken, if there is no room for a new subject. To make
	// room, the store would have to forget what another subject has used.
	ErrFull = errors.New("store: full")

	// ErrInvalid is wrapped, beside ErrNotTaken, if the charge breaks a rule of this
	// contract. It is a mistake of the caller, not a failure of the store, so no failure
	// policy applies to it.
	ErrInvalid = errors.New("store: invalid charge")
)

// Counter counts what subjects use. Take applies c.N to the meters of c.Subject, to all
// of them or to none, and fills in the answer.
//
// A refusal is not an error: c.OK is false, and nothing has changed. An error means that
// the store failed. If it wraps ErrNotTaken, the charge did not happen. Otherwise it may
// have happened, and nobody may repeat it. If Charge.Check reports a fault, Take returns
// that error.
//
// If ctx is done before the charge begins, Take charges nothing and returns an error that
// wraps both ctx.Err() and ErrNotTaken. Once begun, a charge stands even if ctx is
// cancelled. A ctx that ends affects its own call only: no charge of another caller fails
// or is undone, and no later call is kept out.
//
// A charge has begun as soon as the store cannot withdraw it for certain. In memory that
// is when the store has its lock. In a database it is when COMMIT, or the one statement
// that charges, is sent. Before that, a store that has rolled back returns ErrNotTaken.
// After that, a store either waits for the answer and ignores ctx, or returns an error
// without ErrNotTaken, since the charge may have happened.
//
// What a charge has changed when Take returns is there for every later Take and Peek,
// also of another instance over the same storage, and after a restart if the storage
// outlives the process. A store that documents a weaker promise, such as state that is
// saved now and then, says what a restart can lose.
//
// Take is atomic for one subject and safe for concurrent use. It does not change
// c.Meters. After it has returned, it uses neither c nor anything that c points to, so
// callers can reuse a Charge. (Take has a pointer because returning so large an answer by
// value would cost a third of a whole decision in memory.)
//
// Caution: a Counter that wraps another must embed this interface, never the concrete
// type of a store. Embedding the type would also promote its TakeOne, Peek and Local, and
// callers that find these would bypass the wrapper's Take.
type Counter interface {
	Take(ctx context.Context, c *Charge) error
}

// Charge is one decision, with its question and its answer. Write it with field names,
// since fields may be added.
type Charge struct {
	// Subject identifies who is charged: 1 to MaxSubject bytes of any value. Subjects never
	// affect one another. A store that keeps the string clones it first (strings.Clone),
	// since it may be part of a buffer that is reused.
	Subject string

	// At is the caller's clock, as time.Now returned it (UTC and In would strip the
	// monotonic reading). If it is zero, the store reads its own clock.
	//
	// Windows use At to tell how far they are from their end. Buckets refill by At if the
	// store lives in the caller's process, so that a decision reads a clock once. If
	// processes share the store, such as Redis, buckets refill by the store's own clock.
	// State never moves back for an earlier At.
	//
	// For windows At may be any instant, such as one before 1970 or after 2262. Between two
	// microseconds it counts as the earlier one.
	//
	// At speaks for Subject alone. A caller whose clock is far ahead may end its own
	// subject's windows, and costs no other subject anything. It refills no bucket that the
	// charge does not change. So a store forgets the state of other subjects by its own
	// clock, or by the earlier of the two.
	At time.Time

	// Meters are what is charged, see Check. They are built once per plan and window, shared
	// between requests, and read only. The result of two meters with the same Name and Start
	// in one charge is undefined. The function Check reports them.
	Meters []Meter

	// N[i] is the number of units for Meters[i]. A positive number takes units, zero only
	// reads, and a negative number gives units back. If every positive N fits, all of N is
	// applied; otherwise nothing is.
	//
	// Giving back stops at a full bucket and at zero used. It is never refused. A window can
	// be charged and refunded until its End+Keep, so a refund reaches the window that was
	// charged, even after midnight.
	//
	// A read changes nothing. It creates no subject, stores no refill, and neither starts
	// nor ends a window. It does not change how long a window is kept. The same holds for a
	// meter that is only read in a charge of others, and for every meter of a refusal. A
	// read shows every charge that returned before it began.
	N [MaxMeters]int64

	// SetRemaining makes N[i] what remains of each of Meters from now on, instead of taking
	// N[i]. A window's allowance is extended or cut, for that window only and whatever its
	// use is. A bucket then holds N[i] tokens, at most its capacity. An N below zero counts
	// as zero. Unlimited windows do not change. SetRemaining is never refused, and repeating
	// it changes nothing.
	SetRemaining bool

	// OK reports whether the charge was applied. It is undefined after an error.
	OK bool

	// Levels[i] is the level of Meters[i] after the charge, or its present level if OK is
	// false. All levels are of the instant at which the charge was decided. Elements beyond
	// len(Meters) keep their values. Levels is undefined after an error.
	Levels [MaxMeters]Level

	// Place is a hint of where the Counter found Subject the last time, in the Counter's own
	// terms. A Counter may write it. A caller that keeps it beside the subject and passes it
	// again saves the Counter the search, which in memory is a good part of a decision. No
	// value of Place changes an answer, not even zero or another subject's place.
	Place uint64
}

// Each returns an N that charges n units to every meter.
func Each(n int64) (all [MaxMeters]int64) {
	for i := range all {
		all[i] = n
	}
	return all
}

// Meter describes one thing that is counted: a window of time if it has an End, and a
// token bucket otherwise.
//
// The state of a bucket belongs to (subject, name), and that of a window to (subject,
// name, start). The two never meet: a bucket and a window of one name are two meters,
// also if the window starts at 0. So a store that keeps both in one table needs the kind
// in the key.
//
// No figure is part of the key: not Max, Rate, Rare, End or Keep. When they change, the
// count stays. A bucket keeps the tokens it has, down to a smaller Max. A window keeps
// its use, even above a smaller Max.
type Meter struct {
	// Name is 1 to MaxName bytes of any value. A store that keeps it clones it first, as it
	// does the Subject.
	Name string

	// Max is a bucket's capacity or a window's allowance, 0 to MaxUnits. A bucket starts
	// full. Zero refuses everything.
	Max int64

	// Rate is how fast a bucket refills. The zero Rate never refills it. A window has no
	// Rate.
	Rate Rate

	// Rare marks a bucket that few of the subject's charges name and of which there may be
	// many, such as an idempotency ID. A store may keep such a bucket where it does not slow
	// down the others. Rare changes no answer. It is the same in every charge of the bucket.
	// It is ignored for windows.
	Rare bool

	// Start and End bound the window [Start, End) in Unix seconds, from -MaxUnits to
	// MaxUnits. Both are zero for a bucket, so no window ends at 0.
	Start, End int64

	// Keep is how long after End a window can be read and refunded at least. It counts to
	// the microsecond, and any Duration that is not negative will do. The default is not at
	// all. After that the store may forget it, and it reads as unused.
	//
	// Caution: a window that was forgotten and is charged again admits its whole allowance
	// again. So Keep is also how far clocks may differ before a limit is exceeded: the
	// clocks of two callers, or one clock that jumps ahead and back. To enforce a limit,
	// keep its windows for a day or so, however short they are, and for as long as reports
	// need them.
	Keep time.Duration
}

// IsWindow reports whether m is a window of time rather than a token bucket.
func (m *Meter) IsWindow() bool { return m.End != 0 }

// Rate is Tokens every Per microseconds, in lowest terms. One a day is {1,
// 86_400_000_000}, 7 a second {7, 1_000_000}, a million a second {1, 1}. The zero Rate
// adds nothing. RateOf returns the Rate of a figure per second.
type Rate struct{ Tokens, Per int64 }

// Level is the state of one meter. Its durations count from the Charge's At, or from the
// store's clock if buckets refill by that. They are rounded up to the microsecond.
//
// A bucket does not refill while its clock is behind an instant at which the bucket was
// charged, such as after the clock stepped back. Wait and Reset include that time.
type Level struct {
	// Max is a bucket's capacity, or a window's allowance including what SetRemaining added.
	Max int64

	// Used is a bucket's capacity less its whole tokens, or the units used in a window,
	// after the charge. Before it, Used was lower by N. A window's Used may exceed Max,
	// after a downgrade or a charge that was settled above the limit.
	Used int64

	// Wait is zero if the meter does not refuse. Otherwise it is the time until this charge
	// fits, if no other charge comes first, or Never.
	Wait time.Duration

	// Reset is the time until a bucket is full or a window ends. It is Never for a bucket
	// that nothing refills, and for a time that is too long for a Duration.
	Reset time.Duration
}

// Remaining returns the units that can be taken now, never negative.
func (l Level) Remaining() int64 { return max(0, l.Max-l.Used) }
