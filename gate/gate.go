package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("gate: invalid")

// A Gate decides requests. Make one with New. A Gate is safe for concurrent use.
//
// Without Config.Lease, a Gate runs nothing in the background. If a store of keys or
// plans is not store.Local, each look-up has a goroutine, so that a request can leave
// when its ctx is done. The goroutine ends with the look-up. There are at most
// Config.MaxReads of them, each for at most Config.LookupTimeout.
type Gate struct {
	plans    usageplan.Store
	counter  store.Counter
	leases   *lease.Counter  // the counter, or nil if the Gate has no leases
	lists    store.ListTaker // the same Counter, or nil
	cfg      Config
	local    bool // the Counter is store.Local: a charge needs no timeout
	resolver *resolver
	shared   *sharing // nil if there are no shared throttles
	fallback fallback
	clock    *clock
	outage   outageLog   // of the Counter
	lenient  atomic.Bool // Enforce is off
	stop     []func()    // end the subscriptions to changes

	unaddressed atomic.Bool // the warning of restrict was logged
}

// New returns a Gate that reads keys and plans from their stores and charges counter. The
// three may be one store. The Gate subscribes to the changes of stores that are
// Notifiers. Close ends the subscriptions, and gives back leases.
//
// The error reports every fault of the arguments at once and wraps ErrInvalid.
func New(keys apikey.Store, plans usageplan.Store, counter store.Counter, cfg Config) (*Gate, error) {
	errs := []error{
		nilcheck.Required("keys", keys, "an apikey.Store"),
		nilcheck.Required("plans", plans, "a usageplan.Store"),
		nilcheck.Required("counter", counter, "a store.Counter"),
	}
	errs = append(errs, cfg.faults()...)
	counter, leases, err := cfg.leased(counter)
	errs = append(errs, err)
	shared, faults := newSharing(counter, cfg)
	if err := fault.Report(ErrInvalid, "config", append(errs, faults...)...); err != nil {
		return nil, err
	}

	cfg = cfg.withDefaults()
	g := &Gate{
		plans:    plans,
		counter:  counter,
		leases:   leases,
		cfg:      cfg,
		local:    store.IsLocal(counter),
		resolver: newResolver(keys, plans, cfg),
		shared:   shared,
		clock:    newClock(),
		outage: outageLog{Log: outage.Log{
			Logger:   cfg.Logger,
			Level:    slog.LevelWarn,
			Begins:   "ration: charges fail: Config.OnFailure decides",
			Ends:     "ration: charges succeed again",
			Affected: "degradedDecisions",
		}},
	}
	g.lists, _ = counter.(store.ListTaker)
	for _, s := range directories(keys, plans) {
		if n, ok := s.(usageplan.Notifier); ok {
			g.stop = append(g.stop, n.OnChange(g.resolver.invalidate))
		}
	}
	return g, nil
}

// KeyFormat returns Config.KeyFormat.
func (g *Gate) KeyFormat() apikey.Format { return g.cfg.KeyFormat }

// Units returns Config.Units, which must not be changed.
func (g *Gate) Units() usageplan.Units { return g.cfg.Units }

// Classes returns Config.Classes, which must not be changed.
func (g *Gate) Classes() usageplan.Classes { return g.cfg.Classes }

// Enforce turns the limits of all payers off or on, at once. While they are off, every
// limit counts and none refuses, as if all were soft: see Outcome.WouldRefuse. Keys are
// still checked, with their Scopes and Networks, and an ID still pays once. A Gate begins
// with its limits on.
//
// Enforce is for this Gate only. A service with several processes tells each of them, for
// example by the means by which it turns features on.
func (g *Gate) Enforce(on bool) { g.lenient.Store(!on) }

// Admit decides a request. If the request is admitted, Admit charges everything that the
// plan counts. Otherwise it charges nothing. All limits decide in one step, so requests
// at the same time exceed none. The same holds for further costs of a request that goes
// on: see Request.More.
//
// A refusal is not an error. There are three kinds of error:
//
//   - If the Counter failed, Config.OnFailure decides. The Decision's Reason is
//     StoreFailed, unless a token bucket in this process refuses the request: then the
//     Reason is Throttled or NeverFits.
//   - If a key or its plans cannot be read and are not cached, the Decision refuses with
//     the Reason StoreFailed. So it does if the plan in the store breaks a rule, or names
//     a unit that is not declared.
//   - If the request breaks a rule, the error wraps ErrInvalid, and the Decision refuses
//     with the Reason Invalid. No failure policy applies.
//
// If ctx is done before the charge, nothing is charged, and the error wraps ctx.Err(). If
// ctx is done while a store works on the charge, the charge may stand. It is not
// repeated.
func (g *Gate) Admit(ctx context.Context, req Request) (d Decision, err error) {
	err = g.AdmitInto(ctx, &req, &d)
	return
}

// AdmitInto does what Admit does, and fills in d, which must be zero. It may set the time
// of req. It is for code that has a place for the Decision already, such as package
// middleware: there, not copying a Request and a Decision saves 3 % of a request.
//
// Caution: do not pass a Decision that was used before. If it was settled, the new charge
// cannot be settled any more.
func (g *Gate) AdmitInto(ctx context.Context, req *Request, d *Decision) error {
	return g.decide(ctx, req, d, true)
}

// Peek returns the decision that Admit would make now, and charges nothing. Allowed
// reports whether a request of these costs fits. A cost may be 0 even of a unit that is
// Required. The RetryAfter of a throttle is at most a microsecond longer than that of
// Admit.
//
// Caution: a cost of 0 fits a limit that is used up. To explain a refusal, set Costs and
// Class as the request had them.
func (g *Gate) Peek(ctx context.Context, req Request) (d Decision, err error) {
	err = g.decide(ctx, &req, &d, false)
	return
}

// decide fills in d, which is zero.
func (g *Gate) decide(ctx context.Context, req *Request, d *Decision, charge bool) error {
	now := g.clock.read()
	if g.cfg.Observer != nil {
		return g.observe(ctx, req, d, now, charge)
	}
	err := g.decideNow(ctx, req, d, now, charge, nil)
	d.Peeked, d.More = !charge, req.More
	return err
}

// decideNow decides by what the Gate knows of the key. If the subject has moved and the
// Gate has not heard of that, decideNow reads the key again and tries once more.
//
// t is nil if the Gate has no Observer.
func (g *Gate) decideNow(ctx context.Context, req *Request, d *Decision, now reading, charge bool, t *timing) error {
	var failed error // in the first attempt: shared tokens could not be given back
	for again := false; ; again = true {
		e, b, err := g.identify(ctx, req, now, d, charge, t)
		if b == nil {
			return join(err, failed)
		}
		d.meters = e.metersFor(b.allowance.metersOf(req, now))
		if req.ID != "" {
			d.meters = d.meters.once(req.ID, g.cfg.KeepIDs)
		}
		began := t.counterBegins()
		if charge && d.meters.fast != nil && g.chargeList(ctx, req, now, e, b, d) {
			t.counterEnds(began)
			g.outage.Succeed(ctx)
			return failed
		}
		now.stamp(req)
		moved, err := g.charge(ctx, req, e, b, d, charge, t)
		t.counterEnds(began)
		if failed != nil {
			err = join(err, failed)
		}
		if moved == nil {
			return err
		}
		if again {
			// The directory still has the old subject. No policy may open the limits for that.
			d.Reason, d.meters, d.groups = StoreFailed, nil, nil
			return join(fmt.Errorf("gate: charge: %w", moved), err)
		}
		failed = err
		g.resolver.invalidate(d.Key.ID)
		*d = Decision{}
	}
}

// join returns one of two errors if the other is nil, and both otherwise.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}

// identify finds the key, its plan for the API stage and its groups. If it returns no
// binding, it has made the decision.
func (g *Gate) identify(ctx context.Context, req *Request, now reading, d *Decision, charge bool, t *timing) (*entry, *binding, error) {
	if err := req.fault(&g.cfg, charge); err != nil {
		d.Reason = Invalid
		return nil, nil, err
	}
	e, how, err := g.resolver.resolve(ctx, req, now)
	t.noteKey(e, how != inMemory, g.cfg.MaxAge)
	d.LookedUp = how == lookedUp
	if e != nil && g.resolver.outage.Active() {
		g.resolver.noteStale(now.gateAge() - e.read)
	}
	if err != nil {
		switch {
		case errors.Is(err, errUnknown):
			d.Reason = req.refusal(Unknown)
			return nil, nil, nil
		case errors.Is(err, errNotCached):
			d.Reason = NotCached
			return nil, nil, nil
		}
		d.Reason = StoreFailed
		return nil, nil, err
	}
	d.Key = e.key
	if d.Reason = e.usable(req.At); d.Reason != 0 {
		d.Reason = req.refusal(d.Reason)
		return nil, nil, nil
	}
	if e.networked || req.Scope != "" {
		if d.Reason = g.restrict(ctx, e, req); d.Reason != 0 {
			return nil, nil, nil
		}
	}
	stage := usageplan.Stage{API: req.API, Name: req.Stage}
	b := e.bindingFor(stage)
	if group := e.group(); group != nil {
		if d.Reason, err = group.refusal(g.cfg.InsecureAllowNoPlan); d.Reason != 0 {
			return nil, nil, err
		}
		if b == nil && (g.cfg.InsecureAllowNoPlan || group.planFits(stage)) {
			b = e.extra.unplanned
		}
	}
	if b == nil {
		d.Reason = NoPlan
		if g.cfg.InsecureAllowNoPlan {
			d.Reason, d.Allowed = Admitted, true
		}
		return nil, nil, nil
	}
	if b.allowance.fault != nil {
		d.Reason = StoreFailed
		return nil, nil, b.allowance.fault
	}
	d.binding = b
	if b.allowance != g.resolver.counting {
		d.Plan = b.allowance.plan
	}
	return e, b, nil
}
