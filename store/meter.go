package store

import "time"

// A Kind says what a Meter counts. [Charge.Check] refuses every Kind but Plain. If a
// later version adds one, Check goes on to refuse it, so that a store that was written
// before does not take it for another.
type Kind uint8

// Plain says that a Meter is a window of time if the meter has an End, and a token bucket
// otherwise.
const Plain Kind = 0

// A Meter describes one thing that is counted. It is a window of time if it has an End,
// and a token bucket otherwise.
//
// The state of a bucket belongs to (subject, name), and that of a window to (subject,
// name, start). The two never meet: a bucket and a window of one name are two meters,
// also if the window starts at 0. So a store that keeps both in one table needs the kind
// in the key.
//
// No figure is part of the key: not Max, Rate, Soft, Rare, End or Keep. When they change,
// the count stays. A bucket keeps the tokens it has, down to a smaller Max. A window
// keeps its use, even above a smaller Max.
type Meter struct {
	// Kind is Plain.
	Kind Kind

	// Name is 1 to MaxName bytes of any value. A store that keeps it clones it first, as it
	// does the Subject.
	Name string

	// Max is a bucket's capacity or a window's allowance, 0 to MaxUnits. A bucket starts
	// full. Zero refuses everything.
	Max int64

	// Rate is how fast a bucket refills. The zero Rate never refills it. A window has no
	// Rate.
	Rate Rate

	// Soft says that the meter never refuses. A window that has no room counts on, above its
	// Max, up to MaxUnits. A bucket that has too few tokens keeps those it has. Either way
	// the Wait of its Level is what it would be if the meter were not Soft. A charge that
	// another meter refuses changes no Soft meter either.
	//
	// A Rare bucket must not be Soft. An idempotency ID that never refuses would admit, and
	// charge, each repetition of its request.
	Soft bool

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
	// Caution: End is in seconds and may be as great as MaxUnits. So End+Keep need not fit
	// into an int64 of microseconds.
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

// A Level says where one meter stands. Its durations count from the Charge's At, or from
// the store's clock if buckets refill by that. They are rounded up to the microsecond.
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

	// Wait is zero if the charge fits the meter. Otherwise it is the time until this charge
	// fits, if no other charge comes first, or Never. A meter that has a Wait refuses,
	// unless it is Soft.
	Wait time.Duration

	// Reset is the time until a bucket is full or a window ends. It is Never for a bucket
	// that nothing refills, and for a time that is too long for a Duration.
	Reset time.Duration
}

// Remaining returns the units that can be taken now, never negative.
func (l Level) Remaining() int64 { return max(0, l.Max-l.Used) }
