package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("gate: invalid")

// Config configures a Gate. The zero Config is ready for use.
type Config struct {
	// KeyFormat is what secrets look like: anything else is unknown without a look-up. It is
	// the one that the apikey.Config has. Zero: any prefix, a right checksum.
	KeyFormat apikey.Format

	// MaxAge is how long a key and its plans are believed without being read again. The
	// default is 5s. It bounds how long after a change the last request is admitted by what
	// was before, where no Notifier tells of the change sooner. A look-up that takes longer
	// than Timeout adds what it takes. A key is read again after half of MaxAge to all of
	// it, so that keys that came together are not read together ever after.
	MaxAge time.Duration

	// MaxStale is how long after it was read last a known key may be used while it cannot be
	// read again: its store fails, does not answer, or is asked too much. The default is 1h.
	// A MaxStale that is no longer than MaxAge refuses every key that cannot be read.
	//
	// A key that is disabled during an outage may be admitted for that long at most. A key
	// is not admitted once the Gate has heard of a change of it or of its plan, once it has
	// expired, or if it was not known before the outage. The first request after MaxAge
	// waits for the look-up, but no longer than Timeout. After a failure a look-up is tried
	// again after a pause, which grows from 100ms to MaxAge, and no request waits for it.
	MaxStale time.Duration

	// MaxKeys bounds the keys that are remembered; zero: 1,048,576, of some 500 bytes each.
	// MaxUnknown bounds the secrets that are remembered as refused, apart from those: of
	// unknown, disabled and expired keys; zero: 16,384.
	MaxKeys, MaxUnknown int

	// MaxReads bounds the look-ups of keys at one time; zero: 64. A quarter of them is only
	// for keys that are remembered and are to be read again. Beyond it a known key goes on
	// for MaxStale. For all others, unknown, disabled and expired ones alike, the decision
	// is StoreFailed, and the error wraps ErrBusy.
	MaxReads int

	// Timeout bounds a decision's charge. The default is 100ms. A Counter that is
	// store.Local has none.
	Timeout time.Duration

	// LookupTimeout bounds a look-up of a key: one call of an AccessReader, or three and
	// more one after the other. The default is 2s, which is enough for a new connection over
	// 50ms of distance. A request waits for a look-up for as long as its ctx allows. The
	// look-up goes on without it, and what it finds is kept. Keys and Plans that are
	// store.Local have no timeout.
	LookupTimeout time.Duration

	// Account is a throttle that all requests share. Stages are throttles by API stage, each
	// with one bucket that all requests of the stage share, whatever their method. In Amazon
	// API Gateway the throttle of a stage is one for each method instead. The default is
	// none.
	//
	// A request takes a token of each after the key's own limits have admitted it; if one
	// refuses, the key's charge is given back. They show in a Decision only if they refuse,
	// by SharedLimit: a client's own limits are its own business, those of all are not.
	Account *limiter.Limit
	Stages  map[usageplan.Stage]limiter.Limit

	// KeepIDs is how long the ID of a Request is remembered; zero: 10 minutes.
	KeepIDs time.Duration

	// Keep is how long ended windows and the usage record can be reported and refunded. The
	// default is 90 days. Of a quota the Gate keeps at most quota.MaxWindows windows: 366
	// minutes of a quota by the minute. Each window takes 20 bytes of a subject's memory.
	//
	// Keep loosens no limit. A quota's window is kept for at least 24 hours after its end,
	// or for quota.MaxWindows windows where those are shorter. Clocks of processes may
	// differ by that much, and a clock may be set back by that much, and nobody gets a
	// window's allowance twice.
	Keep time.Duration

	// OnFailure is what becomes of a request when the Counter fails. Zero: throttles open
	// through a bucket in this process, quotas close.
	OnFailure FailurePolicy

	// AllowNoPlan admits keys that no plan is for, without limits and without a usage
	// record. AWS refuses them, and so does the zero Config.
	AllowNoPlan bool

	// Observer is told of every decision; nil: nobody is.
	Observer Observer

	// Logger is warned when keys cannot be read, once an outage, and of a store whose Run is
	// not running (see Listener), once. Nil means that nobody is.
	Logger *slog.Logger
}

// Gate decides requests. Make one with NewGate. Safe for concurrent use.
//
// A Gate runs nothing in the background. A look-up in a store that is not store.Local has
// a goroutine, which ends with the look-up, so that a request can leave when its ctx is
// done. There are Config.MaxReads of them at most, each for Config.LookupTimeout at most.
type Gate struct {
	plans    usageplan.Store
	counter  store.Counter
	cfg      Config
	local    bool // the Counter never waits
	resolver *resolver
	shared   *sharing // nil: none
	fallback fallback
	clock    *clock
	stop     []func()
}

// New returns a Gate over the stores of keys and plans, which may be one, and the store
// that counts. The Gate subscribes to the stores that are Notifiers; Close ends that. The
// error reports every fault at once and wraps ErrInvalid.
func New(keys apikey.Store, plans usageplan.Store, counter store.Counter, cfg Config) (*Gate, error) {
	errs := []error{
		nilcheck.Required("keys", keys, "an apikey.Store"), nilcheck.Required("plans", plans, "a usageplan.Store"),
		nilcheck.Required("counter", counter, "a store.Counter"), nilcheck.Optional("observer", cfg.Observer, "a gate.Observer, or none"),
	}
	for name, v := range map[string]int64{"maxAge": int64(cfg.MaxAge), "maxStale": int64(cfg.MaxStale),
		"lookupTimeout": int64(cfg.LookupTimeout), "maxKeys": int64(cfg.MaxKeys),
		"maxUnknown": int64(cfg.MaxUnknown), "maxReads": int64(cfg.MaxReads), "timeout": int64(cfg.Timeout), "keep": int64(cfg.Keep),
		"keepIDs": int64(cfg.KeepIDs)} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s: %d: want 0 or more", name, v))
		}
	}
	errs = append(errs, fault.In("keyFormat", cfg.KeyFormat.Validate()))
	errs = append(errs, cfg.OnFailure.faults()...)
	shared, faults := newSharing(counter, cfg)
	if err := fault.Report(ErrInvalid, "config", append(errs, faults...)...); err != nil {
		return nil, err
	}
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 5*time.Second)
	cfg.MaxStale = cmp.Or(cfg.MaxStale, time.Hour)
	cfg.Timeout = cmp.Or(cfg.Timeout, 100*time.Millisecond)
	cfg.LookupTimeout = cmp.Or(cfg.LookupTimeout, 2*time.Second)
	cfg.Keep = cmp.Or(cfg.Keep, 90*24*time.Hour)
	cfg.KeepIDs = cmp.Or(cfg.KeepIDs, 10*time.Minute)
	g := &Gate{
		plans: plans, counter: counter, cfg: cfg, local: store.IsLocal(counter),
		resolver: newResolver(keys, plans, cfg), shared: shared, clock: newClock(),
	}
	for _, s := range directories(keys, plans) {
		if n, ok := s.(usageplan.Notifier); ok {
			g.stop = append(g.stop, n.OnChange(g.resolver.invalidate))
		}
	}
	return g, nil
}

// KeyFormat is the Format that the Gate was given.
func (g *Gate) KeyFormat() apikey.Format { return g.cfg.KeyFormat }

// Close ends the Gate's subscriptions. A closed Gate still decides; it hears of changes
// by MaxAge alone.
func (g *Gate) Close() {
	for _, stop := range g.stop {
		stop()
	}
	g.stop = nil
}

// Request is what a Gate decides on: who asks, of what, at what cost.
type Request struct {
	// Secret is the credential as it came. KeyID is instead of it, for callers that have
	// authenticated who asks by themselves. One of the two.
	Secret apikey.Secret
	KeyID  string

	// API and Stage name the API stage, Route the route by its canonical name. All may be
	// empty.
	API, Stage, Route string

	// Cost is what the quotas and the usage record are charged; zero: 1, since a cost that
	// was forgotten must not make requests free. Peek asks without a charge. A negative cost
	// is ErrInvalid.
	Cost int64

	// ID names the request, so that it is charged once however often it is tried within
	// Config.KeepIDs: an order's number, a message's. At most MaxID bytes; empty: none. It
	// costs a place in the subject's counts. An ID that a client may choose lets it ask for
	// many things at the price of one, unless the service answers a repeated request with
	// what it answered first. So does a throttle of Account or Stages that refuses: who asks
	// twice at once may be admitted by the charge of a request that is refused then.
	ID string

	// At is the clock, as time.Now returned it; zero: the Gate reads it. How old what the
	// Gate has read of keys and plans may be goes by the Gate's own clock, whatever At says.
	At time.Time
}

// MaxID is the most bytes of a Request's ID.
const MaxID = 512

// Admit decides a request, and charges it if it is admitted: all that the plan counts, or
// nothing.
//
// A refusal is not an error. An error means that something failed, or that the request
// breaks a rule. If something failed, the Decision is what the failure policy says, and
// its Reason is StoreFailed. If the request breaks a rule, the error wraps ErrInvalid,
// the Decision refuses with the Reason Invalid, and no failure policy applies. If ctx is
// done before the charge, nothing is charged and the error wraps ctx.Err(); if it is done
// while a store is at it, the charge may stand, and is not repeated.
func (g *Gate) Admit(ctx context.Context, req Request) (d Decision, err error) {
	err = g.decide(ctx, &req, &d, true)
	return
}

// Peek is the decision that Admit would come to now, and charges nothing: Allowed says
// whether a request of this cost fits. RetryAfter is rounded up to whole tokens of a
// throttle.
func (g *Gate) Peek(ctx context.Context, req Request) (d Decision, err error) {
	err = g.decide(ctx, &req, &d, false)
	return
}

// decide fills d in, which is zero.
func (g *Gate) decide(ctx context.Context, req *Request, d *Decision, charge bool) error {
	now, age := g.clock.now()
	if req.At.IsZero() {
		req.At = now
	}
	b, err := g.identify(ctx, req, age, d)
	if b != nil {
		d.meters = b.allowance.at(req.At, usageplan.Stage{API: req.API, Name: req.Stage}, req.Route)
		if req.ID != "" {
			d.meters = d.meters.once(req.ID, g.cfg.KeepIDs)
		}
		err = g.charge(ctx, req, b, d, charge)
	}
	if g.cfg.Observer != nil {
		g.cfg.Observer.Decided(ctx, *req, d.Outcome, err)
	}
	return err
}

// identify finds the key, whether it may be used, and its plan for the stage. Without a
// plan the decision is made.
func (g *Gate) identify(ctx context.Context, req *Request, now time.Duration, d *Decision) (*binding, error) {
	if err := req.fault(); err != nil {
		d.Reason = Invalid
		return nil, err
	}
	e, err := g.resolver.resolve(ctx, req, now)
	if err != nil {
		if errors.Is(err, errUnknown) {
			d.Reason = Unknown
			return nil, nil
		}
		d.Reason = StoreFailed
		return nil, err
	}
	d.Key = e.key
	if d.Reason = e.usable(req.At); d.Reason != 0 {
		return nil, nil
	}
	b := e.bindingFor(usageplan.Stage{API: req.API, Name: req.Stage})
	if b == nil {
		d.Reason = NoPlan
		if g.cfg.AllowNoPlan {
			d.Reason, d.Allowed = Admitted, true
		}
		return nil, nil
	}
	d.Plan, d.subject = b.allowance.plan, b.subject
	return b, nil
}

func (req *Request) fault() error {
	if req.Cost >= 0 && (req.Secret == "" || req.KeyID == "") && len(req.ID) <= MaxID {
		return nil
	}
	return req.faults()
}

func (req *Request) faults() error {
	var errs []error
	if req.Secret != "" && req.KeyID != "" {
		errs = append(errs, errors.New("secret, keyID: want one, not both"))
	}
	if req.Cost < 0 {
		errs = append(errs, fmt.Errorf("cost: %d: want 0 or more", req.Cost))
	}
	if n := len(req.ID); n > MaxID {
		errs = append(errs, fmt.Errorf("id: %d bytes: want at most %d", n, MaxID))
	}
	return fault.Report(ErrInvalid, "request", errs...)
}
