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
	return store.Charge{Parts: []store.Part{store.NewPart("a", 1, bucket(10, perSecond), store.Meter{Name: "day", Max: 10, Start: 1_790_035_200, End: 1_790_121_600, Keep: time.Hour}, store.Meter{Name: "use", Max: store.Unlimited, Start: 1_790_035_200, End: 1_790_121_600})}}
}

// faults break one rule each. The message names the field, the value and the rule.
var faults = []struct {
	want  string
	spoil func(c *store.Charge)
}{
	{"subject: 0 bytes: want 1 to 512", func(c *store.Charge) { c.Parts[0].Subject = "" }},
	{"subject: 513 bytes: want 1 to 512", func(c *store.Charge) { c.Parts[0].Subject = strings.Repeat("x", 513) }},
	{"meters: 18 of them: want at most 17", func(c *store.Charge) { c.Parts[0] = store.NewPart("a", 1, slices.Repeat(c.Parts[0].Meters, 6)...) }},
	{"meters[0].name: 0 bytes: want 1 to 192", func(c *store.Charge) { c.Parts[0].Meters[0].Name = "" }},
	{"meters[2].name: 193 bytes: want 1 to 192", func(c *store.Charge) { c.Parts[0].Meters[2].Name = strings.Repeat("x", 193) }},
	{"meters[1].max: -1: want 0 to 2^53-1", func(c *store.Charge) { c.Parts[0].Meters[1].Max = -1 }},
	{"meters[1].max: 9007199254740992: want 0 to 2^53-1", func(c *store.Charge) { c.Parts[0].Meters[1].Max = most + 1 }},
	{"meters[1].end: 1790035200: want after the start, 1790035200", func(c *store.Charge) { c.Parts[0].Meters[1].End = c.Parts[0].Meters[1].Start }},
	{"meters[1].end: 5: want after the start, 1790035200", func(c *store.Charge) { c.Parts[0].Meters[1].End = 5 }},
	{"meters[1].start, end: 1790035200, 9007199254740992: want within 2^53-1 seconds of 1970", func(c *store.Charge) { c.Parts[0].Meters[1].End = most + 1 }},
	{"meters[1].start, end: -9007199254740992, 1790121600: want within 2^53-1 seconds of 1970", func(c *store.Charge) { c.Parts[0].Meters[1].Start = -most - 1 }},
	{"meters[1].rate: 7 every 1000000 µs: want none in a window", func(c *store.Charge) { c.Parts[0].Meters[1].Rate = sevenths }},
	{"meters[1].keep: -1ns: want 0 or more", func(c *store.Charge) { c.Parts[0].Meters[1].Keep = -1 }},
	{"meters[0].soft: true: want false in a rare bucket", func(c *store.Charge) { c.Parts[0].Meters[0].Soft, c.Parts[0].Meters[0].Rare = true, true }},
	{"meters[0].start, keep: 1, 0s: want an end with them, or neither", func(c *store.Charge) { c.Parts[0].Meters[0].Start = 1 }},
	{"meters[0].start, keep: 0, 1h0m0s: want an end with them, or neither", func(c *store.Charge) { c.Parts[0].Meters[0].Keep = time.Hour }},
	{"meters[0].rate: 1 every 0 µs: want both positive, or both 0", func(c *store.Charge) { c.Parts[0].Meters[0].Rate.Per = 0 }},
	{"meters[0].rate: 0 every 1000000 µs: want both positive, or both 0", func(c *store.Charge) { c.Parts[0].Meters[0].Rate.Tokens = 0 }},
	{"meters[0].rate: -7 every 1 µs: want both positive, or both 0", func(c *store.Charge) { c.Parts[0].Meters[0].Rate = store.Rate{Tokens: -7, Per: 1} }},
	{"meters[0].rate: 1 every 1000000 µs with max 9007199255: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) { c.Parts[0].Meters[0].Max = 9_007_199_255 }},
	{"meters[0].rate: 9007199254740992 every 1 µs with max 0: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) {
			c.Parts[0].Meters[0].Max, c.Parts[0].Meters[0].Rate = 0, store.Rate{Tokens: most + 1, Per: 1}
		}},
	{"meters[0].rate: 1 every 4611686018427387904 µs with max 4: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) {
			c.Parts[0].Meters[0].Max, c.Parts[0].Meters[0].Rate = 4, store.Rate{Tokens: 1, Per: 1 << 62}
		}},
	{"meters[0].rate: 1 every 9223372036854775807 µs with max 9007199254740991: want max*per+tokens up to 2^53-1: a smaller burst or a rounder rate",
		func(c *store.Charge) {
			c.Parts[0].Meters[0].Max, c.Parts[0].Meters[0].Rate = most, store.Rate{Tokens: 1, Per: math.MaxInt64}
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
		if c.Parts[0].Subject == "a" {
			if len(c.Parts[0].Meters) > store.MaxMeters {
				c.Parts[0].Meters = append(slices.Clone(manyMeters), store.Meter{Name: "r"})
			}
			assert.EqualError(t, store.CheckMeters(c.Parts[0].Meters), invalidPrefix+f.want, "CheckMeters returns the same error")
		}
	}
}

func TestChargeCheckAccepts(t *testing.T) {
	for name, change := range map[string]func(c *store.Charge){
		"no meters":              func(c *store.Charge) { c.Parts[0] = store.NewPart("a", 1) },
		"seventeen":              func(c *store.Charge) { c.Parts[0] = store.NewPart("a", 1, manyMeters...) },
		"no levels":              func(c *store.Charge) { c.Parts[0].Levels = nil },
		"six parts":              func(c *store.Charge) { c.Parts = parts("a", "b", "c", "d", "e", "f") },
		"a part without meters":  func(c *store.Charge) { c.Parts = append(c.Parts, store.Part{Subject: "b"}) },
		"a move":                 func(c *store.Charge) { c.Op, c.Parts = store.Move, parts("a", "b>a") },
		"soft":                   func(c *store.Charge) { c.Parts[0].Meters[0].Soft, c.Parts[0].Meters[1].Soft = true, true },
		"a soft rare window":     func(c *store.Charge) { c.Parts[0].Meters[1].Soft, c.Parts[0].Meters[1].Rare = true, true },
		"the longest subject":    func(c *store.Charge) { c.Parts[0].Subject = strings.Repeat("\xff", 512) },
		"the longest name":       func(c *store.Charge) { c.Parts[0].Meters[0].Name = strings.Repeat("\x00", 192) },
		"a zero max":             func(c *store.Charge) { c.Parts[0].Meters[0].Max, c.Parts[0].Meters[1].Max = 0, 0 },
		"the greatest window":    func(c *store.Charge) { c.Parts[0].Meters[1].Max = most },
		"the longest window":     func(c *store.Charge) { c.Parts[0].Meters[1].Start, c.Parts[0].Meters[1].End = -most, most },
		"the longest keep":       func(c *store.Charge) { c.Parts[0].Meters[1].Keep = math.MaxInt64 },
		"a window before 1970":   func(c *store.Charge) { c.Parts[0].Meters[1].Start, c.Parts[0].Meters[1].End = -86400, -1 },
		"no rate":                func(c *store.Charge) { c.Parts[0].Meters[0].Rate = none },
		"the greatest bucket":    func(c *store.Charge) { c.Parts[0].Meters[0] = bucket(most, none) },
		"the greatest with rate": func(c *store.Charge) { c.Parts[0].Meters[0].Max = 9_007_199_254 },
		"the highest rate":       func(c *store.Charge) { c.Parts[0].Meters[0] = bucket(1, store.Rate{Tokens: most - 1, Per: 1}) },
		"the slowest rate":       func(c *store.Charge) { c.Parts[0].Meters[0] = bucket(1, store.Rate{Tokens: 1, Per: most - 1}) },
		"any N": func(c *store.Charge) {
			c.Parts[0] = store.NewPart(c.Parts[0].Subject, math.MinInt64, c.Parts[0].Meters...)
		},
		"a duplicate name": func(c *store.Charge) {
			c.Parts[0] = store.NewPart("a", 1, append(c.Parts[0].Meters, c.Parts[0].Meters...)...)
		},
	} {
		c := soundCharge()
		change(&c)
		assert.NoError(t, c.Check(), name)
	}
}

var manyMeters = func() (meters []store.Meter) {
	for _, name := range strings.Split("abcdefghijklmnopq", "") {
		meters = append(meters, store.Meter{Name: name})
	}
	return meters
}()

// parts returns parts without meters.
func parts(subjects ...string) (all []store.Part) {
	for _, s := range subjects {
		all = append(all, store.Part{Subject: s})
	}
	return all
}

// TestChargeCheckParts breaks the rules about the parts of a charge. A message names the
// part, if there are several.
func TestChargeCheckParts(t *testing.T) {
	day := store.Meter{Name: "day", Max: 1, End: 86400}
	for _, test := range []struct {
		want  string
		spoil func(c *store.Charge)
	}{
		{"op: 3: want Spend, SetRemaining or Move", func(c *store.Charge) { c.Op = store.Move + 1 }},
		{"parts: 0 of them: want 1 to 6", func(c *store.Charge) { c.Parts = nil }},
		{"parts: 7 of them: want 1 to 6", func(c *store.Charge) { c.Parts = parts("a", "b", "c", "d", "e", "f", "g") }},
		{`parts[2].subject: "a": there twice`, func(c *store.Charge) { c.Parts = parts("a", "b", "a") }},
		{"parts[1].subject: 0 bytes: want 1 to 512", func(c *store.Charge) { c.Parts = parts("a", "") }},
		{"n: 1 of them: want as many as meters, 3", func(c *store.Charge) { c.Parts[0].N = c.Parts[0].N[:1] }},
		{"levels: room for 1: want as many as meters, 3, or nil", func(c *store.Charge) { c.Parts[0].Levels = c.Parts[0].Levels[:1] }},
		{"parts[1].n: 0 of them: want as many as meters, 1", func(c *store.Charge) { c.Parts = append(c.Parts, store.Part{Subject: "b", Meters: []store.Meter{day}}) }},
		{"meters[1].kind: 1: want Plain", func(c *store.Charge) { c.Parts[0].Meters[1].Kind = 1 }},
		{"parts: 1 of them: want 2 for a move", func(c *store.Charge) { c.Op, c.Parts = store.Move, parts("a") }},
		{"parts: 3 of them: want 2 for a move", func(c *store.Charge) { c.Op, c.Parts = store.Move, parts("a", "b", "c") }},
		{`parts[1].subject: "a": there twice`, func(c *store.Charge) { c.Op, c.Parts = store.Move, parts("a", "a") }},
		{"parts[1].meters: 1 of them: want none for a move", func(c *store.Charge) {
			c.Op, c.Parts = store.Move, []store.Part{{Subject: "a"}, store.NewPart("b", 1, day)}
		}},
	} {
		c := soundCharge()
		test.spoil(&c)
		err := c.Check()
		assert.ErrorIs(t, err, store.ErrInvalid, test.want)
		assert.ErrorIs(t, err, store.ErrNotTaken, test.want)
		assert.EqualError(t, err, invalidPrefix+test.want)
	}
}

// TestChargeCheckSeveral expects all faults in one error.
func TestChargeCheckSeveral(t *testing.T) {
	c := soundCharge()
	c.Parts[0].Subject = ""
	c.Parts[0].Meters[0].Name, c.Parts[0].Meters[0].Max, c.Parts[0].Meters[0].Keep = "", -5, time.Second
	c.Parts[0].Meters[1].End, c.Parts[0].Meters[1].Rate, c.Parts[0].Meters[1].Keep = 7, perDay, -time.Second
	assert.EqualError(t, c.Check(), invalidPrefix+strings.Join([]string{
		"subject: 0 bytes: want 1 to 512",
		"meters[0].name: 0 bytes: want 1 to 192",
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
	assert.NoError(t, store.CheckMeters(nil))
	assert.NoError(t, store.CheckMeters([]store.Meter{day(86400), day(2 * 86400), {Name: "day", Max: 1}}), "windows and a bucket of one name")
	err := store.CheckMeters([]store.Meter{day(86400), bucket(1, none), day(86400), bucket(2, perDay), day(86400)})
	assert.ErrorIs(t, err, store.ErrInvalid)
	assert.EqualError(t, err, invalidPrefix+`meters[2].name: "day": there twice`+"\n"+
		`meters[3].name: "rate": there twice`+"\n"+`meters[4].name: "day": there twice`)
	long := store.Meter{Name: strings.Repeat("x", 1<<20)}
	assert.Less(t, len(store.CheckMeters([]store.Meter{long, long}).Error()), 1000, "a long name is cut")
}

func TestChargeCheckAllocatesNothing(t *testing.T) {
	c := soundCharge()
	c.Parts[0] = store.NewPart("a", 1, append(c.Parts[0].Meters, manyMeters[:5]...)...)
	c.Parts = append(c.Parts, parts("b", "c")...)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if c.Check() != nil {
			panic("not sound")
		}
	}))
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
	for i, m := range charge.Parts[0].Meters {
		c.used[[2]string{charge.Parts[0].Subject, m.Name}] += charge.Parts[0].N[i]
		charge.Parts[0].Levels[i] = store.Level{Max: m.Max, Used: c.used[[2]string{charge.Parts[0].Subject, m.Name}], Reset: time.Duration(charge.At.Unix())}
	}
	return nil
}
