package memory_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// TestTakeAllocs checks that the charges of BenchmarkTake allocate nothing.
func TestTakeAllocs(t *testing.T) {
	for name, charges := range takes(time.Now()) {
		s, i := memory.New(memory.Config{}), 0
		take := func() {
			c := charges[i%len(charges)]
			c.At = time.Now()
			if err := s.Take(t.Context(), c); err != nil || !c.OK {
				t.Fatal(err, c.OK)
			}
			i++
		}
		for range charges {
			take()
		}
		require.Zero(t, testing.AllocsPerRun(1000, take), name)
	}
}

// TestSizes publishes the bytes of each size of account.
func TestSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a million subjects on one goroutine")
	}
	const subjects = 200_000
	at := time.Now()
	meters := func(buckets, windows int) (all []store.Meter) {
		for i := range buckets {
			all = append(all, throttle(strconv.Itoa(i)))
		}
		for i := range windows {
			all = append(all, day("day "+strconv.Itoa(i), at, 1<<50, time.Hour))
		}
		return all
	}
	for _, test := range []struct {
		name            string
		buckets, window int
		most            float64
	}{
		{"a bucket, a quota and the record", 1, 2, 140},
		{"a bucket, three quotas and the record", 1, 4, 240},
		{"two buckets, two quotas and two records", 2, 4, 240},
		{"four buckets, a quota and the record", 4, 2, 430},
		{"ten buckets, four quotas and two records", 10, 6, 620},
	} {
		s, all := memory.New(memory.Config{}), meters(test.buckets, test.window)
		c := store.NewCharge("", 1, all...)
		before := heap()
		for i := range subjects {
			c.Parts[0].Subject, c.Parts[0].Place = strconv.Itoa(1_000_000+i), 0
			require.NoError(t, s.Take(t.Context(), c))
		}
		each := float64(heap()-before) / subjects
		require.EqualValues(t, subjects, s.Stats().Subjects)
		t.Logf("%s: %.0f bytes a subject", test.name, each)
		require.LessOrEqual(t, each, test.most, test.name)
	}
}
