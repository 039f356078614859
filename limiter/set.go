package limiter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/store"
)

// A Set decides by several Limiters at once, each with a key of its own, such as an
// address and an account. A request takes a token of each, or of none. So a request that
// one limit refuses uses nothing of the others. Make a Set with NewSet. It is safe for
// concurrent use.
//
// All of it is one charge of the Counter, in one step. A Counter that keeps the keys
// apart, such as a Redis Cluster (see store.ErrApart), is asked for one limit after the
// other, and gets the tokens back if a later limit refuses. Then the tokens are missing
// for a moment, and for good if the process ends or the Counter fails in between. No
// limit ever admits more than it allows.
type Set struct {
	limiters []*Limiter
	counter  store.Counter
	timeout  time.Duration // zero means none
}

// NewSet returns a Set of 1 to store.MaxParts Limiters. They have one Counter, and
// different names. The longest of their timeouts bounds each call to the Counter. The
// error reports every fault at once and wraps ErrInvalid.
func NewSet(limiters ...*Limiter) (*Set, error) {
	s := &Set{limiters: slices.Clone(limiters)}
	var errs []error
	if n := len(limiters); n < 1 || n > store.MaxParts {
		errs = append(errs, fmt.Errorf("limiters: %d of them: want 1 to %d", n, store.MaxParts))
	}
	for i, l := range limiters {
		field := fmt.Sprintf("limiters[%d]", i)
		if err := nilcheck.Required(field, l, "a limiter.Limiter"); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, before := range limiters[:i] {
			if before != nil && before.name == l.name {
				errs = append(errs, fmt.Errorf("%s.name: %.*q: there twice", field, store.MaxName, l.name))
				break
			}
		}
		if s.counter == nil {
			s.counter = l.charged
		} else if !same(s.counter, l.charged) {
			errs = append(errs, fmt.Errorf("%s.counter: want that of the first limiter", field))
		}
		s.timeout = max(s.timeout, l.timeout)
	}
	if err := fault.Report(ErrInvalid, "set", errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// same reports whether two Counters are one.
func same(a, b store.Counter) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

// Allow takes one token for keys[i] from each Limiter i, or none at all. It reports
// whether it has. A Limiter whose key is empty has no say. Both slices are as long as the
// Set.
//
// Allow fills in results. Allowed is the answer of the whole Set in each of them.
// RetryAfter is zero for a limit that has a token, even if another one refuses. The
// errors are those of Limiter.AllowN.
func (s *Set) Allow(ctx context.Context, keys []string, results []Result) (ok bool, err error) {
	if err := s.callFault(keys, results); err != nil {
		return false, err
	}
	if s.timeout > 0 {
		within, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		ctx = within
	}
	d := s.draw(keys)
	if len(d.Parts) == 0 {
		d.OK = true
	} else if err = s.counter.Take(ctx, &d.Charge); errors.Is(err, store.ErrApart) {
		err = d.takeApart(ctx, s)
	}
	if err != nil {
		clear(results)
		return false, fmt.Errorf("limiter: %w", err)
	}
	for i, at := range d.places {
		results[i] = Result{Allowed: d.OK, Limit: store.Unlimited, Remaining: store.Unlimited}
		if at.part >= 0 {
			level := d.Parts[at.part].Levels[at.meter]
			results[i] = Result{d.OK, level.Max, level.Remaining(), level.Wait, level.Reset}
		}
	}
	return d.OK, nil
}

// Refund gives the tokens back that Allow has taken for these keys. Each bucket takes
// them up to its burst.
func (s *Set) Refund(ctx context.Context, keys []string) error {
	var errs []error
	for i, key := range keys {
		if key != "" {
			errs = append(errs, s.limiters[i].Refund(ctx, key, 1))
		}
	}
	return errors.Join(errs...)
}

func (s *Set) callFault(keys []string, results []Result) error {
	var errs []error
	if n := len(s.limiters); len(keys) != n || len(results) != n {
		errs = append(errs, fmt.Errorf("keys, results: %d and %d of them: want %d", len(keys), len(results), n))
	}
	for i, key := range keys {
		if len(key) > store.MaxSubject {
			errs = append(errs, fmt.Errorf("keys[%d]: %d bytes: want at most %d", i, len(key), store.MaxSubject))
		}
	}
	return fault.Report(ErrInvalid, "call", errs...)
}

// A draw is one charge of a Set.
type draw struct {
	store.Charge
	places []place // by the Limiter
}

// A place is where the level of a Limiter is in a charge. Its part is -1 if the Limiter
// has no say.
type place struct{ part, meter int }

// draw returns a charge of one token for each key. Limiters with one key are in one part,
// since a charge has each subject once.
func (s *Set) draw(keys []string) *draw {
	d := &draw{places: make([]place, len(keys))}
	for i, key := range keys {
		now := s.limiters[i].current.Load()
		if key == "" || now.limit.Unlimited() {
			d.places[i].part = -1
			continue
		}
		at := slices.IndexFunc(d.Parts, func(p store.Part) bool { return p.Subject == key })
		if at < 0 {
			at = len(d.Parts)
			d.Parts = append(d.Parts, store.Part{Subject: key})
		}
		p := &d.Parts[at]
		d.places[i] = place{at, len(p.Meters)}
		p.Meters, p.N, p.Levels = append(p.Meters, now.meter), append(p.N, 1), append(p.Levels, store.Level{})
	}
	return d
}

// takeApart charges the parts one after the other. If one refuses, it gives back what the
// others have paid, and reads the levels of those that were not asked. Every limit then
// has its say, as in one step.
func (d *draw) takeApart(ctx context.Context, s *Set) error {
	for i := range d.Parts {
		ok, err := s.takePart(ctx, &d.Parts[i], 1)
		if ok && err == nil {
			continue
		}
		d.OK = false
		d.giveBack(ctx, s, i)
		for rest := i + 1; err == nil && rest < len(d.Parts); rest++ {
			err = d.read(ctx, s, rest)
		}
		return err
	}
	d.OK = true
	return nil
}

// takePart charges n tokens to each meter of a part alone.
func (s *Set) takePart(ctx context.Context, part *store.Part, n int64) (ok bool, err error) {
	one := *part
	one.N = slices.Repeat([]int64{n}, len(part.Meters))
	alone := store.Charge{Parts: []store.Part{one}}
	err = s.counter.Take(ctx, &alone)
	return alone.OK, err
}

// read reads the levels of the i-th part, and tells how long each limit without a token
// refuses.
func (d *draw) read(ctx context.Context, s *Set, i int) error {
	part := &d.Parts[i]
	if _, err := s.takePart(ctx, part, 0); err != nil {
		return err
	}
	for m := range part.Levels {
		part.Levels[m].Wait = untilToken(&part.Meters[m], part.Levels[m])
	}
	return nil
}

// untilToken returns the time until a bucket has a token. Reset is the time until it is
// full, and the time that all missing tokens but one take is known exactly.
func untilToken(m *store.Meter, l store.Level) time.Duration {
	switch {
	case l.Used < l.Max:
		return 0
	case l.Max == 0 || m.Rate.Tokens == 0 || l.Reset == store.Never:
		return store.Never
	}
	rest := (l.Used - 1) * m.Rate.Per / m.Rate.Tokens
	return l.Reset - time.Duration(rest)*time.Microsecond
}

// giveBack gives the tokens of the first n parts back, even if ctx has ended. If that
// fails, the tokens are lost, and the answer is still the refusal.
func (d *draw) giveBack(ctx context.Context, s *Set, n int) {
	ctx = context.WithoutCancel(ctx)
	if s.timeout > 0 {
		within, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		ctx = within
	}
	for i := range n {
		part := d.Parts[i]
		part.Levels = slices.Clone(part.Levels)
		if _, err := s.takePart(ctx, &part, -1); err == nil {
			d.Parts[i].Levels = part.Levels
		}
	}
}
