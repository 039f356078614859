package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
)

// LimitConfig configures a LimitBy. The zero LimitConfig is ready for use.
type LimitConfig struct {
	// Also lists further limits, such as one by account beside one by address. A request
	// takes a token of each, or of none, as by a limiter.Set. So all Limiters have one
	// Counter, and different names. There are at most store.MaxParts limits in all. Each has
	// a line in the RateLimit fields.
	Also []KeyedLimit

	// ChargeIf reports whether an answer with this status counts. If it does not, the token
	// is given back after the answer. A login limiter counts failures only, such as 401. If
	// nil, every request counts.
	//
	// A request takes its token before it is passed on. So attempts at the same time never
	// exceed the limit, not even by one, and the RateLimit fields show the token as taken.
	// The token stays taken if the client has disconnected, if giving it back fails, or if
	// the process ends. A handler that panics counts as 500, and one that is too late as
	// 503: see Config.Refund.
	ChargeIf func(status int) bool

	// OnFailure decides requests when the Counter fails. The default is gate.FailClosed:
	// the answer is 503. With gate.FailOpen the request is not limited. With gate.FailLocal
	// a token bucket in this process decides, which remembers 16,384 keys at least. There
	// are no RateLimit fields then.
	//
	// A full store (store.ErrFull) is no failure: new keys get 503 whatever OnFailure is. A
	// flood of keys that fills the store is the very thing to stop.
	OnFailure gate.Failure

	// Observer is told of each decision. It runs on the caller's goroutine, so it must
	// return quickly. If nil, nothing is told. It is not told of requests that no limit
	// decides: those whose key function failed, exempt ones, and those that were charged
	// before.
	Observer func(context.Context, LimitDecision)

	// OmitHeaders leaves out the RateLimit fields.
	OmitHeaders bool

	// XRateLimit adds the X-RateLimit fields. The default is XRateLimitOff.
	XRateLimit XRateLimit

	// BodyTimeout bounds how long the key function may read a request's body. After that
	// time, reading the body fails. The default is 10s.
	BodyTimeout time.Duration

	// Logger receives failures of the Counter and of the key function at slog.LevelError,
	// when they begin and when they have ended. It receives bad requests at
	// slog.LevelDebug. If nil, nothing is logged.
	Logger *slog.Logger

	// NoteMistake counts a mistake in the set-up: gate.LimitedTwice, once. Give it the
	// NoteMistake of a Gate, so that the mistake is in the Stats and the metrics of the
	// Gate. If nil, the mistake is only logged.
	NoteMistake func(gate.Mistake)
}

// A KeyedLimit is a limit, and the function that returns what it counts by.
type KeyedLimit struct {
	Limiter *limiter.Limiter
	Key     func(*http.Request) (string, error)
}

// A LimitDecision tells an Observer what a LimitBy has decided. It never has a key.
type LimitDecision struct {
	// Limit is the name of the limit that refused. If several did, it is the one with the
	// longest wait. Otherwise it is the first limit that was charged.
	Limit string

	// Allowed reports whether the request may go on. Wait is the time until the same request
	// fits. It is zero if Allowed or if nothing was decided, and store.Never if waiting does
	// not help.
	Allowed bool
	Wait    time.Duration

	// Err is the error of the Counter. If it is set, OnFailure has decided.
	Err error
}
