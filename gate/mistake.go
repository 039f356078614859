package gate

import (
	"fmt"
	"sync/atomic"
)

// A Mistake is a kind of mistake in the set-up of a service: something that was
// configured has no effect, or refuses every request. The Logger has the details, once
// for each mistake. Stats.Mistakes has the counts. Its String can be the label of a
// metric.
type Mistake uint8

// The mistakes. A Gate finds the first three and NoAddress, and package middleware finds
// the others. A Middleware looks for UnknownRoute, UnknownPublic, OtherFormat,
// UnusedScopes, UnknownScope and PlainHTTP only if it has a Logger. A LimitBy has no
// Gate: it counts by middleware.LimitConfig.NoteMistake.
const (
	NotListening  Mistake = iota // the Run of a store is not running
	BrokenGroup                  // a group, one above it, or a plan of these does not exist
	BrokenPlan                   // a plan in the store cannot be in force
	UnknownRoute                 // a route that a plan limits has no effect
	UnknownPublic                // a pattern of middleware.Config.Public has no effect
	UnusedUnits                  // the Gate has units, and the requests have no costs
	UnusedClasses                // the Gate has classes, and the requests have none
	DecidedTwice                 // requests pass through the middleware of one Gate twice
	OtherFormat                  // the keys were made with another apikey.Format
	NoAddress                    // a key has Networks, and its requests have no address
	UnnamedProxy                 // a key was refused for the address of a proxy
	UnusedScopes                 // a key has Scopes, and no request needs one
	UnknownScope                 // requests need a scope that no key has
	PlainHTTP                    // keys come over plain HTTP: see middleware.Insecure
	NoGuessLimit                 // guesses of keys come from where no address is known
	LimitedTwice                 // requests pass through one limiter of a LimitBy twice
	mistakes                     // how many there are
)

var mistakeNames = [mistakes]string{"not_listening", "broken_group", "broken_plan", "unknown_route", "unknown_public",
	"unused_units", "unused_classes", "decided_twice", "other_format",
	"no_address", "unnamed_proxy", "unused_scopes", "unknown_scope", "plain_http", "no_guess_limit",
	"limited_twice"}

// String returns the mistake in snake case, such as "unknown_route".
func (m Mistake) String() string {
	if m < mistakes {
		return mistakeNames[m]
	}
	return fmt.Sprintf("mistake(%d)", uint8(m))
}

// A MistakeCount says how often a Mistake was found.
type MistakeCount struct {
	Mistake Mistake
	Count   int64
}

// NoteMistake counts a mistake for Stats. It is for packages that put requests before a
// Gate, such as middleware. They log the details. A Mistake that is not one of the
// constants is not counted.
func (g *Gate) NoteMistake(m Mistake) { g.resolver.mistakes.note(m) }

// mistakeCounts counts mistakes.
type mistakeCounts [mistakes]atomic.Int64

func (c *mistakeCounts) note(m Mistake) {
	if m < mistakes {
		c[m].Add(1)
	}
}

// list returns the counts of all kinds.
func (c *mistakeCounts) list() []MistakeCount {
	all := make([]MistakeCount, mistakes)
	for m := range mistakes {
		all[m] = MistakeCount{m, c[m].Load()}
	}
	return all
}
