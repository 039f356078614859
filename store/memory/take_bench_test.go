package memory_test

import (
	"testing"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// throttle returns a bucket that is never empty in a benchmark.
func throttle(name string) store.Meter {
	return store.Meter{Name: name, Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 100}}
}

// unit returns the meters of one unit: a throttle, a quota of a day and the usage record.
func unit(name string, at time.Time) []store.Meter {
	return []store.Meter{
		throttle("throttle " + name), day("day "+name, at, 1<<50, time.Hour), day("use "+name, at, store.Unlimited, time.Hour),
	}
}

// takes are the charges that BenchmarkTake makes in turn.
func takes(at time.Time) map[string][]*store.Charge {
	plain := unit("requests", at)
	units := append(unit("requests", at), unit("tokens", at)...)
	hour := at.Truncate(time.Hour)
	quotas := append(unit("requests", at),
		store.Meter{Name: "hour", Max: 1 << 50, Start: hour.Unix(), End: hour.Unix() + 3600*24, Keep: time.Hour},
		store.Meter{Name: "month", Max: 1 << 50, Start: hour.Unix(), End: hour.Unix() + 30*86400, Keep: time.Hour})
	on := func(route string) *store.Charge {
		m := unit("requests", at)
		m[0] = throttle(route)
		return store.NewCharge("plan123456/key1234567", 1, m...)
	}
	payers := func(meters []store.Meter) *store.Charge {
		c := new(store.Charge)
		for _, subject := range []string{"acme>key1234567", "acme>search", "acme"} {
			c.Parts = append(c.Parts, store.NewPart(subject, 1, append([]store.Meter(nil), meters...)...))
		}
		return c
	}
	one := func(meters []store.Meter) []*store.Charge {
		return []*store.Charge{store.NewCharge("plan123456/key1234567", 1, meters...)}
	}
	return map[string][]*store.Charge{
		"plain":                  one(plain),
		"three quotas":           one(quotas),
		"two units":              one(units),
		"a route":                {on("throttle requests"), on("GET /pets")},
		"three routes":           {on("GET /pets"), on("GET /pets/{id}"), on("POST /pets")},
		"three payers":           {payers(plain)},
		"three payers two units": {payers(units)},
	}
}

// BenchmarkTake charges one subject, or three payers of a family, with what plans have: a
// throttle, quotas and usage records. As a Gate does, it reads the clock for each charge
// and keeps the places.
func BenchmarkTake(b *testing.B) {
	for _, name := range []string{"plain", "three quotas", "two units", "a route", "three routes", "three payers", "three payers two units"} {
		b.Run(name, func(b *testing.B) {
			s, charges := memory.New(memory.Config{}), takes(time.Now())[name]
			b.ReportAllocs()
			for i := 0; b.Loop(); {
				c := charges[i]
				if i++; i == len(charges) {
					i = 0
				}
				c.At = time.Now()
				if err := s.Take(b.Context(), c); err != nil || !c.OK {
					b.Fatal(err, c.OK)
				}
			}
		})
	}
}
