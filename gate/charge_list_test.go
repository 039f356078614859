package gate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestChargeList makes the same requests of two Gates, of which one has a Counter without
// TakeList. Every decision is the same, in every figure that callers can see.
func TestChargeList(t *testing.T) {
	plans := map[string]usageplan.Plan{
		"throttle":             {Throttle: throttle(2, 3)},
		"throttle and quota":   {Throttle: throttle(5, 4), Quotas: perDay(20)},
		"quota that fits none": {Quotas: perDay(0)},
		"blocked":              {Throttle: &limiter.Limit{}},
		"two quotas":           {Quotas: []quota.Quota{{Limit: 5, Period: quota.Minute}, {Limit: 30, Period: quota.Hour}}},
		"more than six cells": {Throttle: throttle(9, 9), Quotas: []quota.Quota{
			{Limit: 5, Period: quota.Minute}, {Limit: 30, Period: quota.Hour}, {Limit: 40, Period: quota.Day}}},
		"routes": {Throttle: throttle(3, 3), Routes: map[string]limiter.Limit{"GET /pets": {Rate: 1, Burst: 2}}},
		"soft":   {Throttle: throttle(1, 1), Quotas: []quota.Quota{{Limit: 5, Period: quota.Day, Soft: true}}},
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fast := newFixture(t)
				slow := newFixture(t, func(p *parts) { p.Counter = struct{ store.Counter }{p.Counter} })
				_, one, _ := fast.linked(plan)
				_, other, _ := slow.linked(plan)
				rnd := rand.New(rand.NewPCG(1, 2))
				for i := range 400 {
					time.Sleep(time.Duration(rnd.IntN(3)) * time.Duration(rnd.IntN(900)) * time.Millisecond)
					req := gate.Request{}
					if rnd.IntN(3) == 0 {
						req.Route = "GET /pets"
					}
					if rnd.IntN(5) == 0 {
						req.At = time.Now().Add(-time.Second)
					}
					req.More = rnd.IntN(6) == 0
					req.Secret = one
					have := fast.admit(req)
					req.Secret = other
					want := slow.admit(req)
					require.Equal(t, seen(&want), seen(&have), "step %d", i)
					if have.Charged && rnd.IntN(8) == 0 {
						require.NoError(t, fast.gate.Refund(t.Context(), &have))
						require.NoError(t, slow.gate.Refund(t.Context(), &want))
					}
				}
			})
		})
	}
}

// seen returns what a caller can see of a decision, apart from IDs.
func seen(d *gate.Decision) (all []string) {
	all = append(all, fmt.Sprint(d.Allowed, d.Reason, d.Charged, d.Costs, d.RetryAfter, refusedBy(d)))
	for i, l := range d.Limits() {
		all = append(all, fmt.Sprint(l, d.Level(i)))
	}
	for l := range d.Levels() {
		all = append(all, fmt.Sprint(l.Limit, l.Level))
	}
	for l := range d.Refusals() {
		all = append(all, fmt.Sprint("refused by ", l.Limit, l.Level))
	}
	for l := range d.WouldRefuse() {
		all = append(all, fmt.Sprint("would be refused by ", l.Limit, l.Level))
	}
	return append(all, fmt.Sprint(d.Level(-1), d.Level(len(d.Limits()))))
}
