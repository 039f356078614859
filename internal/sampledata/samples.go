package sampledata

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// Plans returns the plans.
func Plans() []usageplan.Plan {
	parse := quota.MustParse
	throttle := func(text string) *limiter.Limit { return new(limiter.MustParse(text)) }
	return []usageplan.Plan{
		{ID: "legacy-2023", Name: "Legacy 2023", Description: "No longer sold.", Throttle: throttle("1/s"), Quotas: []quota.Quota{parse("500/day")}},
		{ID: "organisation", Name: "Organisation", Description: "What all keys of a customer may use together.", Quotas: []quota.Quota{parse("2000000/month")}},
		{ID: "team-budget", Name: "Team budget", Quotas: []quota.Quota{parse("60000/day")}},
		{ID: "trial", Name: "Trial", Description: "Fourteen days, without a card.", Throttle: throttle("1/s burst 5"), Quotas: []quota.Quota{parse("200/day"), parse("150/day soft as new-limit")}},
		{ID: "free", Name: "Free", Throttle: throttle("2/s burst 5"), Quotas: []quota.Quota{parse("1000/day"), parse("20000/month")}},
		{ID: "scale", Name: "Scale", Throttle: throttle("100/s burst 200"), Quotas: []quota.Quota{parse("250000/day"), parse("5000000/month"), parse("200000000/year")}},
		{ID: "starter", Name: "Starter", Throttle: throttle("20/s burst 40"), Quotas: []quota.Quota{parse("25000/day"), parse("500000/month")},
			Routes: map[string]limiter.Limit{"POST /exports": limiter.MustParse("6/m burst 2")}},
	}
}

// Groups returns the groups. A group comes after its parent.
func Groups() []usageplan.Group {
	return []usageplan.Group{
		{ID: "tailspin", Name: "Tailspin Toys", PlanID: "organisation"},
		{ID: "contoso", Name: "Contoso Logistics", PlanID: "organisation"},
		{ID: "contoso-tracking", Name: "Tracking", ParentID: "contoso", PlanID: "team-budget"},
		{ID: "contoso-billing", Name: "Billing", ParentID: "contoso", PlanID: "team-budget"},
	}
}

// A Sample describes a key. It uses about share of perDay on a working day.
type Sample struct {
	id, name, customer, group, plan, description string

	perDay                      int64
	share                       float64
	disabled, expired, rotating bool
	grows                       bool // its use grows over the month
	first                       int  // the first of Days on which it is used
}

// on returns what the key uses on a day.
func (s *Sample) on(r *rand.Rand, at time.Time, day int) int64 {
	share := s.share * (0.75 + 0.5*r.Float64())
	if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
		share *= 0.35
	}
	if s.grows {
		share *= 0.15 + 0.85*float64(day)/Days
	}
	if s.expired && day > Days-4 || s.disabled && day > Days-9 {
		return 0
	}
	return int64(min(1, share) * float64(s.perDay))
}

// Named returns keys that show everything that a page has.
func Named() []Sample {
	return []Sample{
		{id: "k7m2c9x4tq1v8p3z", name: "Checkout service, production", customer: "northwind", plan: "scale", perDay: 250_000, share: .62, rotating: true,
			description: "Called by the checkout of northwind.example.com. Owner: payments@northwind.example.com."},
		{id: "p3d8w1r6yb5n2k9f", name: "Parcel tracking, production", customer: "contoso", group: "contoso-tracking", plan: "starter", perDay: 25_000, share: .86},
		{id: "q9h4s7j2vm6c1x8t", name: "Invoices, nightly batch", customer: "contoso", group: "contoso-billing", plan: "starter", perDay: 25_000, share: .34},
		{id: "b6t1z5g8nd3k7w2r", name: "Mobile app", customer: "fabrikam", plan: "starter", perDay: 25_000, share: .95, grows: true},
		{id: "f2v9y4m7ah1q6s3j", name: "Price feed", customer: "wingtip", plan: "free", perDay: 1000, share: 1.9},
		{id: "c8x3n6p1ek5t9d4w", name: "Ada's laptop", customer: "adventure-works", plan: "trial", perDay: 200, share: .7},
		{id: "r5k2b7w9uj4h1z6g", name: "Old partner integration", customer: "litware", plan: "free", perDay: 1000, share: .2, disabled: true},
		{id: "s1q6f3v8cy2m7n4p", name: "Hackathon 2026", customer: "proseware", plan: "trial", perDay: 200, share: .3, expired: true},
		{id: "w4j9t2h5xg8r3b6k", name: "Search indexer", customer: "tailspin", group: "tailspin", perDay: 30_000, share: .5},
		{id: "z7n1d6c3lp9y4q8s", name: "Forgotten key", customer: "margie"},
	}
}

// numbered returns a key of many.
func numbered(i int) Sample {
	r := rand.New(rand.NewPCG(7, uint64(i)))
	services := []string{"Web shop", "Mobile app", "Data export", "Dashboard", "Nightly import", "Search", "Status page", "Webhooks"}
	s := Sample{
		id: fmt.Sprintf("key-%05d", i), name: fmt.Sprintf("%s %d", services[i%len(services)], i/len(services)+1), customer: fmt.Sprintf("customer-%04d", i/3),
		plan: "free", perDay: 1000, share: r.Float64() * r.Float64(),
	}
	if i%10 > 0 { // so that a large store is filled sooner
		s.first = Days - 7
	}
	switch r.IntN(40) {
	case 0:
		s.disabled = true
	case 1:
		s.plan = ""
	case 2, 3, 4, 5, 6:
		s.plan, s.perDay = "starter", 25_000
	case 7:
		s.share = 2
	case 8, 9:
		s.plan, s.perDay = "trial", 200
	}
	return s
}

// ID returns the ID of the key.
func (s Sample) ID() string { return s.id }
