package gate

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// Config configures a Gate. The zero Config is ready for use.
type Config struct {
	// KeyFormat is the form of secrets. A secret of another form is Unknown without a
	// look-up. It must be the KeyFormat of the apikey.Config that made the keys. The
	// default accepts any prefix with a valid checksum.
	KeyFormat apikey.Format

	// Units declares what requests use and plans may limit, beside usageplan.Requests. It
	// must be the Units of the usageplan.Config that made the plans.
	//
	// A plan that names another unit cannot be in force. A Service does not write such a
	// plan, but another program or an older version may. The keys and groups that have it
	// are refused with the Reason StoreFailed, and the error and the Logger tell of the
	// unit.
	Units usageplan.Units

	// Classes declares the classes of requests, as usageplan.Config.Classes does for plans.
	// A Request of another class breaks a rule, so that a misspelt class does not go without
	// its limits. If nil, requests may have any class.
	Classes usageplan.Classes

	// MaxAge is how long a key and its plans are cached. The default is 5s.
	//
	// If no Notifier tells the Gate of changes, MaxAge bounds how long a request may be
	// admitted by the state before a change. If a look-up takes longer than Timeout, the
	// bound is longer by the time that the look-up takes.
	//
	// A key is read again after a random time between half of MaxAge and all of it. So
	// keys that came at the same time are not always read at the same time.
	MaxAge time.Duration

	// MaxStale is how long a cached key stays in use while it cannot be read again,
	// counted from when it was last read. A key cannot be read if its store fails, does
	// not answer, or is asked too much. The default is 1h. If MaxStale is not longer than
	// MaxAge, a key that cannot be read is refused.
	//
	// The first request after MaxAge waits for the look-up, but at most for Timeout.
	// After a failure the look-up is tried again after a pause, which grows from 100ms to
	// MaxAge. No request waits for that look-up.
	//
	// Security: a key that is disabled during an outage may be admitted for up to
	// MaxStale. A key is not admitted in these cases: it has expired, it was not known
	// before the outage, or the Gate has heard of a change of it or of its plan.
	MaxStale time.Duration

	// MaxKeys bounds the keys that are cached. The default is 1,048,576. Each takes about
	// 600 bytes.
	//
	// MaxUnknown bounds the secrets that are remembered as refused: of unknown, disabled
	// and expired keys. They have no part in MaxKeys. The default is 16,384.
	MaxKeys, MaxUnknown int

	// MaxReads bounds the look-ups of keys at one time. The default is 64. A quarter of
	// them is reserved for cached keys that are to be read again.
	//
	// Beyond the bound a cached key stays in use for MaxStale. If its plan or its group
	// has changed, it waits for its turn, for LookupTimeout at most. For all other keys,
	// whether unknown, disabled or expired, the Reason is StoreFailed and the error wraps
	// ErrBusy.
	MaxReads int

	// Timeout bounds the charge of a decision. The default is 100ms. A Counter that is
	// store.Local has no timeout.
	Timeout time.Duration

	// LookupTimeout bounds a look-up of a key. A look-up is one call of an AccessReader, or
	// three and more calls one after the other. The default is 2s, which is enough for a
	// new connection with a distance of 50ms. If keys and plans are store.Local, there is
	// no timeout.
	//
	// A request waits for a look-up as long as its ctx allows. The look-up goes on after
	// the request has left, and its result is cached.
	LookupTimeout time.Duration

	// Lease, if it is not nil, makes the Gate lease units of the Counter in blocks, and
	// decide most requests of busy keys and groups in this process. &lease.Config{} has the
	// defaults. Quotas stay exact over all processes, and package lease has the bound for
	// throttles. Its Timeout and its Logger are those of the Gate by default.
	//
	// A Counter that is store.Local gains nothing, so New refuses a Lease over it. Close
	// gives back what was not spent. Call Counter for other users of the same leases.
	Lease *lease.Config

	// Account is a throttle that all requests share. Stages are throttles by API stage,
	// each with one token bucket that all requests of the stage share, whatever their
	// method. In Amazon API Gateway the throttle of a stage is one for each method
	// instead. By default there is none.
	//
	// A request takes a token of each in the same step in which the key's own limits are
	// charged: all, or none. A Counter that keeps them apart, such as a Redis Cluster, takes
	// two steps: first the shared tokens, which are given back if the key's own limits
	// refuse. Gates over one Counter share a bucket if it has the same figures in each.
	//
	// Shared throttles show in a Decision only if they refuse, in Refusals. Otherwise a
	// client would see the traffic of all others.
	Account *limiter.Limit
	Stages  map[usageplan.Stage]limiter.Limit

	// KeepIDs is how long the ID of a Request is remembered. The default is 10m.
	KeepIDs time.Duration

	// Keep is how long ended windows and usage records can be reported and refunded. The
	// default is 90 days. Of a quota at most quota.MaxWindows windows are kept, such as 366
	// minutes of a quota by the minute. Each window takes 20 bytes of a subject's memory.
	//
	// A short Keep does not loosen limits. A quota's window is kept for at least 24 hours
	// after its end, or for quota.MaxWindows windows if that is shorter. Within that time,
	// clocks of processes may differ or be set back, and no subject gets the allowance of
	// a window twice.
	Keep time.Duration

	// OnFailure decides requests when the Counter fails. By default throttles use token
	// buckets in this process, and quotas refuse.
	OnFailure FailurePolicy

	// InsecureAllowNoPlan admits keys that have no plan for the API stage, without limits of
	// their own. By default they are refused, as Amazon API Gateway does. A key in a group
	// is counted, and the limits of its groups hold. Any other key is not counted.
	InsecureAllowNoPlan bool

	// Observer is told of every decision and correction. If nil, nothing is told. Observers
	// tells several. Package observe has a log that samples, and counts in memory.
	Observer Observer

	// History is told of each SetRemaining and SetGroupRemaining that changed a limit. If
	// nil, nothing is recorded.
	History history.Recorder

	// Logger receives these warnings. If nil, nothing is logged.
	//
	//   - Keys cannot be read, or the Counter fails. The beginning of an outage is logged,
	//     and its end with how long it lasted and how many decisions it affected. It ends
	//     with the first success that no failure follows within 5s.
	//   - The Run of a store that is a Listener is not running. This is logged once for each
	//     store.
	//   - A plan cannot be in force, so keys are refused. This is logged when it is read.
	//   - A key is refused with NoGroup. This is logged once for each group until its keys
	//     are admitted again.
	//   - A key that has Networks is refused, since the client's address is not known. This
	//     is logged once.
	Logger *slog.Logger
}

// faults returns what is wrong with cfg, except for its shared throttles: newSharing
// checks these.
func (cfg *Config) faults() []error {
	errs := []error{
		nilcheck.Optional("observer", cfg.Observer, "a gate.Observer, or none"),
		nilcheck.Optional("history", cfg.History, "a history.Recorder, or none"),
	}
	if all, ok := cfg.Observer.(Observers); ok {
		for i, o := range all {
			errs = append(errs, nilcheck.Required(fmt.Sprintf("observer[%d]", i), o, "a gate.Observer"))
		}
	}
	for name, v := range map[string]int64{
		"maxAge":        int64(cfg.MaxAge),
		"maxStale":      int64(cfg.MaxStale),
		"maxKeys":       int64(cfg.MaxKeys),
		"maxUnknown":    int64(cfg.MaxUnknown),
		"maxReads":      int64(cfg.MaxReads),
		"timeout":       int64(cfg.Timeout),
		"lookupTimeout": int64(cfg.LookupTimeout),
		"keepIDs":       int64(cfg.KeepIDs),
		"keep":          int64(cfg.Keep),
	} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s: %d: want 0 or more", name, v))
		}
	}
	errs = append(errs,
		fault.In("keyFormat", cfg.KeyFormat.Validate()),
		fault.In("units", cfg.Units.Validate()),
		fault.In("classes", cfg.Classes.Validate()))
	return append(errs, cfg.OnFailure.faults()...)
}

// withDefaults returns cfg with the defaults of its durations, and with Units of its own.
// newResolver knows the defaults of its bounds.
func (cfg Config) withDefaults() Config {
	cfg.Units, cfg.Classes = slices.Clone(cfg.Units), slices.Clone(cfg.Classes)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 5*time.Second)
	cfg.MaxStale = cmp.Or(cfg.MaxStale, time.Hour)
	cfg.Timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	cfg.LookupTimeout = cmp.Or(cfg.LookupTimeout, 2*time.Second)
	cfg.Keep = cmp.Or(cfg.Keep, 90*24*time.Hour)
	cfg.KeepIDs = cmp.Or(cfg.KeepIDs, 10*time.Minute)
	return cfg
}
