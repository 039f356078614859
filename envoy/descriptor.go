package envoy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A question is what one descriptor asks.
type question struct {
	gate.Request
	hits    int64
	late    bool
	unknown bool // the descriptor names no key, or its domain is not served
	err     error
}

// A verdict is the answer to a question.
type verdict struct {
	gate.Decision
	late    bool
	free    bool // without hits
	unknown bool
	err     error
}

// refuses reports whether the call has to be refused.
func (v *verdict) refuses(cfg *LimiterConfig) bool {
	return !v.Allowed && !(v.unknown && cfg.InsecureAllowUnknown)
}

// questionOf reads a descriptor.
func (l *Limiter) questionOf(in *ratelimitv3.RateLimitRequest, d *commonv3.RateLimitDescriptor) *question {
	stage, served := l.stageOf(in.GetDomain())
	q := &question{Request: gate.Request{API: stage.API, Stage: stage.Name}}
	named := 0
	for _, entry := range d.GetEntries() {
		value := entry.GetValue()
		switch entry.GetKey() {
		case "":
		case l.cfg.Names.Key:
			q.Secret = apikey.Secret(value)
			named++
		case l.cfg.Names.KeyID:
			q.KeyID = value
			named++
		case l.cfg.Names.Route:
			q.Route = value
		case l.cfg.Names.Class:
			q.Class = value
		case l.cfg.Names.Scope:
			q.Scope = value
		case l.cfg.Names.Addr:
			q.RemoteAddr = value
		case l.cfg.Names.ID:
			q.ID = value
		case l.cfg.Names.Late:
			q.late = true
		}
	}
	q.unknown = !served || named == 0
	if named > 1 {
		q.err = fmt.Errorf("descriptor: %d keys: want one", named)
	}
	if name := l.cfg.Names.repeated(d); name != "" {
		q.err = errors.Join(q.err, fmt.Errorf("descriptor: two entries %q: want one", name))
	}
	if q.unknown {
		l.warnOfUnknown(in.GetDomain(), served, d)
	}
	if err := q.setHits(in, d, l.unit >= 0); err != nil {
		q.err = errors.Join(q.err, err)
	}
	return q
}

// repeated returns the name of which a descriptor has two entries, or "".
//
// Security: one of the two values may come from the client.
func (n *DescriptorNames) repeated(d *commonv3.RateLimitDescriptor) string {
	known := n.all()
	for i, entry := range d.GetEntries() {
		name := entry.GetKey()
		same := func(e *commonv3.RateLimitDescriptor_Entry) bool { return e.GetKey() == name }
		if name != "" && slices.Contains(known, name) && slices.ContainsFunc(d.GetEntries()[i+1:], same) {
			return name
		}
	}
	return ""
}

// setHits sets the number of hits. That of the descriptor counts before that of the call,
// in which 0 stands for 1.
func (q *question) setHits(in *ratelimitv3.RateLimitRequest, d *commonv3.RateLimitDescriptor, counted bool) error {
	hits := uint64(max(in.GetHitsAddend(), 1))
	if own := d.GetHitsAddend(); own != nil {
		hits = own.GetValue()
	}
	q.hits = int64(min(hits, math.MaxInt64))
	switch {
	case d.GetIsNegativeHits():
		return errors.New("is_negative_hits: want false: a Gate cannot give back what another call has charged")
	case !counted && hits > 1:
		return fmt.Errorf("hits_addend: %d: want 0 or 1, or LimiterConfig.HitsUnit", hits)
	case hits > store.MaxUnits:
		return fmt.Errorf("hits_addend: %d: want at most %d", hits, int64(store.MaxUnits))
	case !counted && q.late:
		return errors.New("late: want LimiterConfig.HitsUnit, which is what a late descriptor charges")
	}
	return nil
}

// decide answers a question. If only is set, nothing is charged.
func (l *Limiter) decide(ctx context.Context, v *verdict, q *question, only bool) {
	v.late, v.unknown, v.err = q.late, q.unknown, q.err
	switch {
	case q.unknown:
		return
	case q.err != nil:
		v.Reason = gate.Invalid
	default:
		note := l.cfg.Answers.Guard(ctx, q.RemoteAddr, &q.Request)
		l.ask(ctx, v, q, only)
		note(&v.Outcome)
	}
	l.noteDecision(ctx, v)
}

// ask asks the Gate a question.
func (l *Limiter) ask(ctx context.Context, v *verdict, q *question, only bool) {
	if q.late {
		l.chargeLate(ctx, v, q)
	} else {
		l.admit(ctx, v, q, only)
	}
}

// admit decides a request that is to begin. Without hits it is charged one hit, which
// giveHitsBack corrects. So it is refused if no hit is left, as a request of 0 hits would
// not be.
func (l *Limiter) admit(ctx context.Context, v *verdict, q *question, only bool) {
	if l.unit >= 0 {
		q.Costs[l.unit] = max(q.hits, 1)
	}
	if only || l.unit < 0 && q.hits == 0 {
		v.Decision, v.err = l.gate.Peek(ctx, q.Request)
		return
	}
	v.Decision, v.err = l.gate.Admit(ctx, q.Request)
	v.free = q.hits == 0
}

// chargeLate charges the hits of a request that is over, even above the limits. The
// request itself was charged when it began, so it is not counted again.
func (l *Limiter) chargeLate(ctx context.Context, v *verdict, q *question) {
	v.Decision, v.err = l.gate.Peek(ctx, q.Request)
	switch v.Reason {
	case gate.Throttled, gate.QuotaExceeded, gate.NeverFits:
		v.Allowed, v.Reason, v.RetryAfter = true, gate.Admitted, 0
	}
	if v.err == nil && v.Allowed {
		costs := usageplan.Costs{}
		costs[l.unit] = q.hits
		v.err = l.gate.Settle(ctx, &v.Decision, costs)
	}
}

// noteDecision logs a decision that failed, or that ends an outage.
func (l *Limiter) noteDecision(ctx context.Context, v *verdict) {
	if v.Reason == gate.Invalid {
		l.note(ctx, &l.faults, v.err)
		return
	}
	l.note(ctx, &l.failures, v.err)
	if v.err == nil {
		l.faults.Succeed(ctx)
	}
}

// maxWarned bounds the combinations of names that are warned of.
const maxWarned = 64

// warnOfUnknown warns of a descriptor that names no key or whose domain is not served,
// once for each combination of its names. Names come from Envoy's configuration. Values
// may come from clients, and are not logged.
func (l *Limiter) warnOfUnknown(domain string, served bool, d *commonv3.RateLimitDescriptor) {
	if l.cfg.Logger == nil {
		return
	}
	var names []string
	for _, entry := range d.GetEntries() {
		names = append(names, entry.GetKey())
	}
	slices.Sort(names)
	line := "ration: a descriptor names no key: do Envoy's configuration and LimiterConfig.Names agree?"
	if !served {
		line = "ration: a descriptor has a domain that LimiterConfig.Domains does not have"
	}
	combination := fmt.Sprintf("%t %q %q", served, domain, names)
	l.mu.Lock()
	known := l.warned[combination] || len(l.warned) >= maxWarned
	if !known {
		l.warned[combination] = true
	}
	l.mu.Unlock()
	if !known {
		l.cfg.Logger.Warn(line, slog.String("domain", domain), slog.String("entries", strings.Join(names, ", ")))
	}
}
