package gate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Failure says how a limit decides while its counts cannot be read.
type Failure uint8

// The ways to fail. FailDefault is the zero Failure. It stands for FailLocal for
// throttles and for FailClosed for quotas.
const (
	FailDefault Failure = iota
	FailOpen            // admit, and count nothing
	FailClosed          // refuse
	FailLocal           // throttles only: decide by a token bucket in this process
)

// String returns the name of the constant. Of any other value it returns the number.
func (f Failure) String() string {
	names := [...]string{"FailDefault", "FailOpen", "FailClosed", "FailLocal"}
	if int(f) < len(names) {
		return names[f]
	}
	return strconv.Itoa(int(f))
}

// A FailurePolicy says what a Gate does when its Counter fails. The strictest answer of
// all limits of all payers counts: of the key, its groups, the API stage and the account.
// New refuses a Failure that is not one of the constants.
//
// Soft limits refuse nothing, so they have no say. Of a Request that is More, limits of
// requests have none either. While Gate.Enforce is off, every
// request of a known key is admitted.
//
// Caution: a quota of an organisation closes its keys, even those whose own plans have
// throttles only.
//
// The policy is not about keys. A known key that cannot be read stays in use for
// Config.MaxStale, and every other key is refused.
type FailurePolicy struct {
	// Throttle is for token buckets. The default is FailLocal.
	Throttle Failure

	// Quota is for quotas. The default is FailClosed. FailLocal is not allowed: one
	// process of many cannot count a quota.
	Quota Failure
}

// faults returns an error for each Failure that its kind of limit does not have. Such a
// value would open a limit that it was meant to close.
func (p FailurePolicy) faults() (errs []error) {
	if p.Throttle > FailLocal {
		errs = append(errs, fmt.Errorf("onFailure.throttle: %v: want FailDefault, FailOpen, FailClosed or FailLocal", p.Throttle))
	}
	if p.Quota > FailClosed {
		errs = append(errs, fmt.Errorf("onFailure.quota: %v: want FailDefault, FailOpen or FailClosed", p.Quota))
	}
	return errs
}

// decideByPolicy decides instead of the Counter, which failed with err. A Peek takes
// nothing from the local buckets either.
func (g *Gate) decideByPolicy(ctx context.Context, req *Request, d *Decision, p *pending, take bool, err error) error {
	d.Reason = StoreFailed
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("timeout: %v: want at least what a charge takes: %w", g.cfg.Timeout, err)
	}
	err = fmt.Errorf("gate: charge: %w", err)
	m, groups := d.meters, d.groups
	d.meters, d.groups = nil, nil
	// The policy is for failures of the Counter. A charge that breaks a rule and a request
	// that has gone away are none, and are refused.
	if errors.Is(err, store.ErrInvalid) || ctx.Err() != nil {
		return err
	}
	d.Degraded = true
	g.outage.Fail(ctx, err)
	g.outage.Affect()
	throttle, quotas := g.cfg.OnFailure.Throttle, g.cfg.OnFailure.Quota
	claims := append(p.sharedClaims(), m.claims(Payer{PayerKey, d.Key.ID}, d.Plan, d.binding.subject, req)...)
	closes := m.hasHardQuota(req)
	for l := groups; l != nil; l = l.above {
		claims = append(claims, l.meters.claims(Payer{PayerGroup, l.node.group.ID}, l.node.allowance.plan, l.node.subject, req)...)
		closes = closes || l.meters.hasHardQuota(req)
	}
	switch {
	case p.lenient:
		d.Allowed = true
	case closes && (quotas == FailDefault || quotas == FailClosed):
	case len(claims) > 0 && throttle == FailClosed:
	case len(claims) > 0 && throttle != FailOpen:
		g.decideLocally(req, d, claims, take)
	default:
		d.Allowed = true
	}
	return err
}

// sharedClaims returns the claims of the shared throttles.
func (p *pending) sharedClaims() (all []claim) {
	for i := range p.sharedParts() {
		part := &p.sharedParts()[i]
		all = append(all, claim{p.shared[i].refuser, part.Subject, &part.Meters[0], 1})
	}
	return all
}

// claims returns the claims of the throttles of a key or a group.
func (m *meters) claims(payer Payer, plan *usageplan.Plan, subject string, req *Request) (all []claim) {
	for i := range m.throttles {
		if m.limits[i].Soft || !m.concerns(i, req) {
			continue // it would refuse nothing
		}
		all = append(all, claim{refuser{payer: payer, plan: plan, limit: m.limits[i]}, subject, &m.list[i], m.amount(i, req)})
	}
	return all
}

// concerns reports whether the i-th limit is about a request. A request that is More was
// admitted before by the limits of requests.
func (m *meters) concerns(i int, req *Request) bool { return m.units[i] > 0 || !req.More }

// hasHardQuota reports whether a quota that is not soft is about a request.
func (m *meters) hasHardQuota(req *Request) bool {
	if !m.hardQuota || !req.More {
		return m.hardQuota
	}
	for i := m.throttles; i < len(m.limits); i++ {
		if !m.limits[i].Soft && m.concerns(i, req) {
			return true
		}
	}
	return false
}

// decideLocally decides by buckets in this process: those of every throttle of every
// payer.
func (g *Gate) decideLocally(req *Request, d *Decision, claims []claim, take bool) {
	refused, wait := g.fallback.takeTokens(claims, req.At, take)
	if refused == nil {
		d.Allowed = true
		return
	}
	d.Reason, d.RetryAfter, d.refuser = throttled(wait), wait, &refused.refuser
}

// throttled returns the reason of a throttle that refuses for this long.
func throttled(wait time.Duration) Reason {
	if wait == store.Never {
		return NeverFits
	}
	return Throttled
}

// fallback has the token buckets of this process, for FailLocal. They begin full when
// the Counter fails, since the Counter's state cannot be read.
type fallback struct {
	mu      sync.Mutex
	buckets map[bucketID]store.Bucket
}

type bucketID struct{ subject, name string }

// maxFallback bounds the buckets. Beyond it one is evicted at random and is full again
// when it is next used. The throttle is approximate during an outage in any case.
const maxFallback = 1 << 16

// A claim is what one decision takes from one bucket.
type claim struct {
	refuser // if the bucket has too few tokens
	subject string
	meter   *store.Meter
	n       int64
}

// takeTokens takes the tokens of all claims, or none. It returns the claim with the
// longest wait, and the wait, or nil if the tokens were there. If keep is false, the
// buckets stay as they are.
func (f *fallback) takeTokens(claims []claim, at time.Time, keep bool) (refused *claim, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := make([]store.Bucket, len(claims))
	for i := range claims {
		c := &claims[i]
		b := f.buckets[bucketID{c.subject, c.meter.Name}]
		var l store.Level
		if !b.Spend(c.meter, at.UnixMicro(), c.n, &l) && l.Wait > wait {
			refused, wait = c, l.Wait
		}
		next[i] = b
	}
	if refused == nil && keep {
		for i := range claims {
			f.put(bucketID{claims[i].subject, claims[i].meter.Name}, next[i])
		}
	}
	return refused, wait
}

// put keeps a bucket, and evicts another one first if there are too many.
func (f *fallback) put(id bucketID, b store.Bucket) {
	if f.buckets == nil {
		f.buckets = map[bucketID]store.Bucket{}
	}
	if _, known := f.buckets[id]; !known && len(f.buckets) >= maxFallback {
		for other := range f.buckets {
			delete(f.buckets, other)
			break
		}
	}
	f.buckets[id] = b
}
