// Package store defines the contract of a counter store, and the arithmetic that all
// stores share. Read it to write a store for another database, or to call a store
// directly. Package [github.com/ration-go/ration/store/storetest] checks every promise
// made here, and package [github.com/ration-go/ration/store/batch] decides many charges
// in one transaction. The page docs/custom-store.md shows how to write a store.
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
	// MaxParts is the maximum number of parts of a Charge: a key, three groups above it, an
	// API stage, and the account.
	MaxParts = 6

	// MaxMeters is the maximum number of meters of a Part.
	MaxMeters = 17

	// MaxSubject and MaxName are the maximum lengths in bytes of a Part's Subject and of a
	// Meter's Name. A name holds that of a limit, of up to 128 bytes, a unit and a period.
	MaxSubject = 512
	MaxName    = 192

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
	// room, the store would have to forget what another subject has used. It stands for the
	// whole charge.
	ErrFull = errors.New("store: full")

	// ErrInvalid is wrapped, beside ErrNotTaken, if the charge breaks a rule of this
	// contract. It is a mistake of the caller, not a failure of the store, so no failure
	// policy applies to it.
	ErrInvalid = errors.New("store: invalid charge")

	// ErrApart is wrapped, beside ErrNotTaken, if the subjects of a charge are of several
	// families, and the store keeps these in different places. It then cannot decide the
	// charge in one step. A charge within one family never gets this error. See Family.
	ErrApart = errors.New("store: families are apart")

	// ErrSettings is wrapped by the error of a store's Check method if the store can decide,
	// and only its settings are wrong: for example, a crash would lose charges. A service
	// that reports whether it is ready may pass over this error.
	ErrSettings = errors.New("store: unsuitable settings")

	// ErrDenied is wrapped if the server of a store denies the credential of this process,
	// or the right to do what was asked. Only an administrator can mend that. The stores
	// over Redis and PostgreSQL wrap it also when they read keys and plans, and in Run.
	ErrDenied = errors.New("store: access denied")
)

// Counter counts what subjects use. Take decides a charge: it applies all of it, in every
// part, or nothing, and fills in the answer.
//
// A refusal is not an error: c.OK is false, and nothing has changed in any part. No
// subject was created. No caller ever sees a part of a charge, or a charge that is
// refused in the end.
//
// An error means that the store failed. If it wraps ErrNotTaken, the charge did not
// happen. Otherwise the whole charge may have happened, and nobody may repeat it. If
// Charge.Check reports a fault, Take returns that error. If a subject was closed by a
// Move, Take returns a [MovedError].
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
// When Take returns, every later Take and Peek sees what the charge has changed, also one
// of another instance over the same storage, and after a restart if the storage outlives
// the process. A store that documents a weaker promise, such as state that is saved now
// and then, says what a restart can lose.
//
// Take is atomic for the subjects of one family, and safe for concurrent use. It does not
// change the Meters and the N of a part. After it has returned, it uses neither c nor
// anything that c points to, so callers can reuse a Charge. (Take has a pointer because
// returning so large an answer by value would cost a third of a whole decision in
// memory.)
//
// Caution: a Counter that wraps another must embed this interface, never the concrete
// type of a store. Embedding the type would also promote its TakeOne, TakeList, Peek and
// Local, and callers that find these would bypass the wrapper's Take.
type Counter interface {
	Take(ctx context.Context, c *Charge) error
}
