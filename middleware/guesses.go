package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/guess"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/limiter"
)

// GuessConfig bounds the look-ups of secrets that turn out not to be good, by the address
// of the client: an IPv4 address, or the /64 of an IPv6 address, as ByIP finds it. It
// protects the store of keys against guesses. It is on by default.
//
// A client over the bound has no more secrets looked up. A secret that the Gate has
// cached as good is decided as always, so the other clients behind the same NAT go on.
// All other secrets from that address are answered with 429 and Retry-After, whether they
// are good or not. A client with a good key that this process has not seen yet waits that
// long.
//
// Only look-ups are counted. A malformed secret costs none, and a refused one that the
// Gate remembers costs none either. So a client that repeats a revoked key does not use
// up what its neighbours have. A look-up that fails because the store fails is not
// counted.
//
// The bound holds for each Middleware, and for each process. It does not depend on
// Gate.Enforce, which turns off the limits of payers, nor on the failure policies. A
// Credential with a KeyID is not counted.
//
// Caution: behind a proxy that Config.Trusted does not name, all clients have one
// address. The Logger is warned if that is so. A flood from very many addresses is
// bounded only by gate.Config.MaxReads. apikey.Format.TagKeys keeps it from the store.
type GuessConfig struct {
	// Limit is how many such look-ups an address may cause. The default is 60 a minute with
	// a burst of 60. A bucket must fill up within 24h.
	Limit limiter.Limit

	// Off turns the bound off.
	Off bool
}

// maxFill bounds the time in which a bucket of GuessConfig.Limit fills up.
const maxFill = 24 * time.Hour

// faults returns what is wrong with cfg.
func (cfg *GuessConfig) faults() []error {
	if _, err := cfg.limiter(); err != nil {
		return []error{fault.In("guesses.limit", err)}
	}
	if cfg.Off && cfg.Limit != (limiter.Limit{}) {
		return []error{errors.New("guesses.off: true: want no limit, which would have no effect")}
	}
	return nil
}

// limiter returns nil if the bound is off.
func (cfg *GuessConfig) limiter() (*guess.Limiter, error) {
	limit := cfg.Limit
	if limit == (limiter.Limit{}) {
		limit = limiter.PerMinute(60)
	}
	if cfg.Off || limit.Unlimited() {
		return nil, nil
	}
	meter, err := limit.Meter("guesses")
	if err != nil {
		return nil, err
	}
	if meter.Max == 0 || meter.Rate.Tokens == 0 {
		return nil, errors.New("blocks everything: want a rate and a burst")
	}
	every := float64(meter.Rate.Per) * 1e3 / float64(meter.Rate.Tokens) // ns
	if every*float64(meter.Max) > float64(maxFill) {
		return nil, fmt.Errorf("burst: %d with a rate of %v: want a bucket that fills within %v", meter.Max, float64(limit.Rate), maxFill)
	}
	return guess.New(max(1, time.Duration(every)), int(meter.Max)), nil
}

// guesses limits the guesses of clients. It is nil if Config.Guesses is off.
type guesses struct {
	*guess.Limiter
	clients addressKey
	mistake func(gate.Mistake) // counts one
	log     outage.Log         // some client is over the bound

	unaddressed atomic.Bool // the warning of count was logged
}

func newGuesses(cfg *Config, mistake func(gate.Mistake)) *guesses {
	lim, _ := cfg.Guesses.limiter() // New has checked it
	if lim == nil {
		return nil
	}
	return &guesses{
		Limiter: lim,
		clients: addressKey{newProxies(cfg.Trusted, cfg.Forwarded), nil, ipv4Bits, ipv6Bits},
		mistake: mistake,
		log: outage.Log{
			Logger:   cfg.Logger,
			Level:    slog.LevelWarn,
			Begins:   "ration: an address had too many refused keys looked up: no more of its keys are looked up for now",
			Ends:     "ration: no address has too many refused keys looked up any more",
			Affected: "refused",
		},
	}
}

// guard makes req OnlyCached if its client has guessed too often, and returns how long
// the client has to wait. While no client has, it costs two atomic loads.
func (g *guesses) guard(r *http.Request, req *gate.Request) (wait time.Duration) {
	switch {
	case g == nil:
		return 0
	case !g.Active():
		g.log.Succeed(r.Context())
		return 0
	case req.Secret == "":
		return 0
	}
	client, err := g.clients.of(r)
	if err != nil { // without an address there is nothing to count by
		return 0
	}
	wait = g.Wait(client, time.Now())
	req.OnlyCached = wait > 0
	return wait
}

// note counts a guess, and completes the Outcome of a request that guard has refused. It
// is small enough to be inlined.
func (g *guesses) note(r *http.Request, req *gate.Request, o *gate.Outcome, wait time.Duration) {
	if g != nil && !o.Allowed {
		g.noteRefusal(r, req, o, wait)
	}
}

func (g *guesses) noteRefusal(r *http.Request, req *gate.Request, o *gate.Outcome, wait time.Duration) {
	switch {
	case o.Reason == gate.NotCached:
		o.RetryAfter = wait
		g.log.Affect()
	case o.LookedUp && req.Secret != "" && guessed(r, o):
		g.count(r)
	}
}

// guessed reports whether a look-up was for a secret that is not good.
//
// Security: a client can leave before the answer comes. Its look-up goes on, and what it
// finds is not known here. So it counts as a guess.
func guessed(r *http.Request, o *gate.Outcome) bool {
	switch o.Reason {
	case gate.Unknown, gate.Disabled, gate.Expired:
		return true
	case gate.StoreFailed:
		return o.Key == nil && r.Context().Err() != nil
	}
	return false
}

func (g *guesses) count(r *http.Request) {
	client, err := g.clients.of(r)
	switch {
	case err != nil:
		if g.unaddressed.Swap(true) {
			return
		}
		g.mistake(gate.NoGuessLimit)
		if g.log.Logger != nil {
			g.log.Logger.LogAttrs(r.Context(), slog.LevelWarn,
				"ration: guesses of keys are not bounded: the connection has no IP address. If this is intended, set Config.Guesses.Off")
		}
	case g.Fail(client, time.Now()):
		g.log.Fail(r.Context(), errGuesses, slog.String("address", client))
	}
}

var errGuesses = errors.New("middleware: too many refused keys")
