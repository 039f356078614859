package store_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

func soundCharge() store.Charge {
	return store.Charge{Subject: "a", N: store.Each(1), Meters: []store.Meter{
		bucket(10, perSecond),
		{Name: "day", Max: 10, Start: 1_790_035_200, End: 1_790_121_600, Keep: time.Hour},
		{Name: "use", Max: store.Unlimited, Start: 1_790_035_200, End: 1_790_121_600},
	}}
}

// faults break one rule each. The message names the field, the value and the rule.
var faults = []struct {
	want  string
	spoil func(c *store.Charge)
}{
	{"subject: 0 bytes: want 1 to 512", func(c *store.Charge) { c.Subject = "" }},
	{"subject: 513 bytes: want 1 to 512", func(c *store.Charge) { c.Subject = strings.Repeat("x", 513) }},
	{"meters: 9 of them: want at most 8", func(c *store.Charge) { c.Meters = slices.Repeat(c.Meters, 3) }},
	{"meters[0].name: 0 bytes: want 1 to 128", func(c *store.Charge) { c.Meters[0].Name = "" }},
	{"meters[2].name: 129 bytes: want 1 to 128", func(c *store.Charge) { c.Meters[2].Name = strings.Repeat("x", 129) }},
	{"meters[1].max: -1: want 0 to 2^53-1", func(c *store.Charge) { c.Meters[1].Max = -1 }},
	{"meters[1].max: 9007199254740992: want 0 to 2^53-1", func(c *store.Charge) { c.Meters[1].Max = most + 1 }},
	{"meters[1].end: 1790035200: want after the start, 1790035200", func(c *store.Charge) { c.Meters[1].End = c.Meters[1].Start }},
	{"meters[1].end: 5: want after the start, 1790035200", func(c *store.Charge) { c.Meters[1].End = 5 }},
	{"meters[1].start, end: 1790035200, 9007199254740992: want within 2^53-1 seconds of 1970", func(c *store.Charge) { c.Meters[1].End = most + 1 }},
	{"meters[1].start, end: -9007199254740992, 1790121600: want within 2^53-1 seconds of 1970", func(c *store.Charge) { c.Meters[1].Start = -most - 1 }},
	{"meters[1].rate: 7 every 1000000 µs: want none in a window", func(c *store.Charge) { c.Meters[1].Rate = sevenths }},
	{"meters[1].keep: -1ns: want 0 or more", func(c *store.Charge) { c.Meters[1].Keep = -1 }},
	{"meters[0].start, keep: 1, 0s: want an end with them, or neither", func(c *store.Charge) { c.Meters[0].Start = 1 }},
	{"meters[0].start, keep: 0, 1h0m0s: want an end with them, or neither", func(c *store.Charge) { c.Meters[0].Keep = time.Hour }},
	{"meters[0].rate: 1 every 0 µs: want both positive, or both 0", func(c *store.Charge) { c.Meters[0].Rate.Per = 0 }},
	{"meters[0].rate: 0 every 1000000 µs: want both positive, or both 0", func(c *store.Charge) { c.Meters[0].Rate.Tokens = 0 }},
	{"meters[0].rate: -7 every 1 µs: want both positive, or both 0", func(c *store.Charge) { c.Meters[0].Rate = store.Rate{Tokens: -7, Per: 1} }},
	{"meters[0].rate: 1 every 1000000 µs with max 9007199255: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) { c.Meters[0].Max = 9_007_199_255 }},
	{"meters[0].rate: 9007199254740992 every 1 µs with max 0: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) { c.Meters[0].Max, c.Meters[0].Rate = 0, store.Rate{Tokens: most + 1, Per: 1} }},
	{"meters[0].rate: 1 every 4611686018427387904 µs with max 4: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) { c.Meters[0].Max, c.Meters[0].Rate = 4, store.Rate{Tokens: 1, Per: 1 << 62} }},
	{"meters[0].rate: 1 every 9223372036854775807 µs with max 9007199254740991: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) {
			c.Meters[0].Max, c.Meters[0].Rate = most, store.Rate{Tokens: 1, Per: math.MaxInt64}
		}},
}

const invalidPrefix = "store: invalid charge, store: not taken: "

func TestChargeCheck(t *testing.T) {
	sound := soundCharge()
	require.NoError(t, sound.Check())
	for _, f := range faults {
		c := soundCharge()
		f.spoil(&c)
		err := c.Check()
		assert.ErrorIs(t, err, store.ErrInvalid, f.want)
		assert.ErrorIs(t, err, store.ErrNotTaken, f.want)
		assert.EqualError(t, err, invalidPrefix+f.want)
		if c.Subject == "a" {
			if len(c.Meters) > store.MaxMeters {
				c.Meters = append(slices.Clone(eightMeters), store.Meter{Name: "ninth"})
			}
			assert.EqualError(t, store.Check(c.Meters), invalidPrefix+f.want, "the function Check returns the same error")
		}
	}
}

func TestChargeCheckAccepts(t *testing.T) {
	for name, change := range map[string]func(c *store.Charge){
		"no meters":              func(c *store.Charge) { c.Meters = nil },
		"eight":                  func(c *store.Charge) { c.Meters = eightMeters },
		"the longest subject":    func(c *store.Charge) { c.Subject = strings.Repeat("\xff", 512) },
		"the longest name":       func(c *store.Charge) { c.Meters[0].Name = strings.Repeat("\x00", 128) },
		"a zero max":             func(c *store.Charge) { c.Meters[0].Max, c.Meters[1].Max = 0, 0 },
		"the greatest window":    func(c *store.Charge) { c.Meters[1].Max = most },
		"the longest window":     func(c *store.Charge) { c.Meters[1].Start, c.Meters[1].End = -most, most },
		"the longest keep":       func(c *store.Charge) { c.Meters[1].Keep = math.MaxInt64 },
		"a window before 1970":   func(c *store.Charge) { c.Meters[1].Start, c.Meters[1].End = -86400, -1 },
		"no rate":                func(c *store.Charge) { c.Meters[0].Rate = none },
		"the greatest bucket":    func(c *store.Charge) { c.Meters[0] = bucket(most, none) },
		"the greatest with rate": func(c *store.Charge) { c.Meters[0].Max = 9_007_199_254 },
		"the highest rate":       func(c *store.Charge) { c.Meters[0] = bucket(1, store.Rate{Tokens: most - 1, Per: 1}) },
		"the slowest rate":       func(c *store.Charge) { c.Meters[0] = bucket(1, store.Rate{Tokens: 1, Per: most - 1}) },
		"any N":                  func(c *store.Charge) { c.N = store.Each(math.MinInt64) },
		"a duplicate name":       func(c *store.Charge) { c.Meters = append(c.Meters, c.Meters...) },
	} {
		c := soundCharge()
		change(&c)
		assert.NoError(t, c.Check(), name)
	}
}

var eightMeters = func() (meters []store.Meter) {
	for _, name := range strings.Split("abcdefgh", "") {
		meters = append(meters, store.Meter{Name: name})
	}
	return meters
}()

// TestChargeCheckSeveral expects all faults in one error.
func TestChargeCheckSeveral(t *testing.T) {
	c := soundCharge()
	c.Subject = ""
	c.Meters[0].Name, c.Meters[0].Max, c.Meters[0].Keep = "", -5, time.Second
	c.Meters[1].End, c.Meters[1].Rate, c.Meters[1].Keep = 7, perDay, -time.Second
	assert.EqualError(t, c.Check(), invalidPrefix+strings.Join([]string{
		"subject: 0 bytes: want 1 to 512",
		"meters[0].name: 0 bytes: want 1 to 128",
		"meters[0].max: -5: want 0 to 2^53-1",
		"meters[0].start, keep: 0, 1s: want an end with them, or neither",
		"meters[1].end: 7: want after the start, 1790035200",
		"meters[1].rate: 1 every 86400000000 µs: want none in a window",
		"meters[1].keep: -1s: want 0 or more",
	}, "\n"))
}

func TestCheckPairs(t *testing.T) {
	day := func(start int64) store.Meter {
		return store.Meter{Name: "day", Max: 1, Start: start, End: start + 86400}
	}
	assert.NoError(t, store.Check(nil))
	assert.NoError(t, store.Check([]store.Meter{day(86400), day(2 * 86400), {Name: "day", Max: 1}}), "windows and a bucket of one name")
	err := store.Check([]store.Meter{day(86400), bucket(1, none), day(86400), bucket(2, perDay), day(86400)})
	assert.ErrorIs(t, err, store.ErrInvalid)
	assert.EqualError(t, err, invalidPrefix+`meters[2].name: "day": there twice`+"\n"+
		`meters[3].name: "rate": there twice`+"\n"+`meters[4].name: "day": there twice`)
	long := store.Meter{Name: strings.Repeat("x", 1<<20)}
	assert.Less(t, len(store.Check([]store.Meter{long, long}).Error()), 1000, "a long name is cut")
}

func TestChargeCheckAllocatesNothing(t *testing.T) {
	c := soundCharge()
	c.Meters = append(c.Meters, eightMeters[:5]...)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if c.Check() != nil {
			panic("not sound")
		}
	}))
}

func TestEach(t *testing.T) {
	assert.Equal(t, [store.MaxMeters]int64{-3, -3, -3, -3, -3, -3, -3, -3}, store.Each(-3))
}

// tally is a Counter that counts the units of each subject and meter name, refuses
// nothing, and can be made to fail.
type tally struct {
	used  map[[2]string]int64
	takes int
	fails error
}

func (c *tally) Take(_ context.Context, charge *store.Charge) error {
	c.takes++
	if err := charge.Check(); err != nil {
		return err
	}
	if charge.OK = true; c.fails != nil && c.takes > 2 {
		return c.fails
	}
	for i, m := range charge.Meters {
		c.used[[2]string{charge.Subject, m.Name}] += charge.N[i]
		charge.Levels[i] = store.Level{Max: m.Max, Used: c.used[[2]string{charge.Subject, m.Name}], Reset: time.Duration(charge.At.Unix())}
	}
	return nil
}
