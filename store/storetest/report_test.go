package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
)

// messages are the messages of cases that fail, as the author of a store reads them.
var messages = []struct {
	name string
	h    Harness
	want string
}{{
	"fields", Harness{New: levelsOff}, `
bucket/one-a-day: promise broken: A rate may be as slow as one token a day.
step 3, 23h59m59.999999s into the case: take 1 of bucket "rate" (max 1, 1 every 24h0m0s); subject "somebody":
	OK is true, want false
	Levels[0], bucket "rate": Wait is 0s, want 1µs; Reset is 24h0m0s, want 1µs`,
}, {
	"window", Harness{New: levelsOff}, `
level/microseconds: promise broken: Durations count from At and are rounded up to the microsecond.
step 4, 100.001ms into the case: take 1 of window "day" (max 3, from At-100.001ms to At+23h59m59.899999s); subject "somebody":
	Levels[0], window "day": Used is 4, want 3; Wait is store.Never, want 23h59m59.899999s`,
}, {
	"own clock", Harness{New: ownClocked}, `
bucket/one-a-day: promise broken: A rate may be as slow as one token a day.
step 1, 0s into the case: take 1 of bucket "rate" (max 1, 1 every 24h0m0s); subject "somebody":
	Levels[0], bucket "rate": Reset is 23h59m59.999s, want 24h0m0s
	hint: do the buckets refill by a clock of the store? If the test can move that clock, set Harness.Advance, and otherwise set Harness.Slack`,
}, {
	"own clock and Advance", Harness{New: ownClocked, Advance: func(time.Duration) {}}, `
bucket/one-a-day: promise broken: A rate may be as slow as one token a day.
step 1, 0s into the case: take 1 of bucket "rate" (max 1, 1 every 24h0m0s); subject "somebody":
	Levels[0], bucket "rate": Reset is 23h59m59.999s, want 24h0m0s
	hint: the clock of the buckets differs from the time that was passed to Harness.Advance. It must stand still between two calls`,
}, {
	"own clock and little Slack", Harness{New: ownClocked, Slack: 200 * us}, `
level/read: promise broken: An N of zero reads. It is always admitted and changes nothing.
step 2, 0s into the case: take 2 of bucket "rate" (max 2, 1 every 24h0m0s), take 2 of window "day" (max 3, from At to At+24h0m0s), take 2 of window "use" (unlimited, from At to At+24h0m0s); subject "somebody":
	Levels[0], bucket "rate": Reset is 47h59m59.999s, want 48h0m0s within 200µs
	hint: more time passed between two steps than Harness.Slack, 200µs, allows for`,
}, {
	"a fraction lost", flawNamed("saves whole tokens"), `
reopen/fraction: promise broken: A fraction of a token is kept when the storage is opened again.
step 6, 1.5s into the case: take 1 of bucket "rate" (max 10, 1 every 1s); subject "somebody":
	Levels[0], bucket "rate": Wait is 1s, want 500ms`,
}, {
	"a second counter", flawNamed("remembers that a quota is used up"), `
peer/refund: promise broken: What one counter gives back can be taken by the other one at once, even if that has just refused.
step 6, 0s into the case: take 1 of window "day" (max 3, from At to At+24h0m0s); subject "somebody":
	OK is false, want true
	Levels[0], window "day": Used is 2, want 3; Wait is 24h0m0s, want 0s`,
}, {
	"several parts", flawNamed("one N for all parts"), `
parts/apart-n: promise broken: Each part has its own N. A part may give back or read while another takes.
step 1, 0s into the case: Parts[0], subject "acme>search/key-1": take 3 of window "day" (max 3, from At to At+24h0m0s); Parts[1], subject "acme": take 2 of window "many" (max 100, from At to At+720h0m0s):
	Parts[1].Levels[0], window "many" of "acme": Used is 3, want 2`,
}, {
	"a soft meter", flawNamed("lets a soft window stop at its Max"), `
soft/window: promise broken: A soft window that has no room counts on, above its Max. Its Wait is what it would be if it were not soft.
step 2, 0s into the case: take 2 of window "day" (soft, max 3, from At to At+24h0m0s); subject "somebody":
	Levels[0], window "day": Used is 3, want 4`,
}, {
	"Last", flawNamed("counts Last from zero"), `
last/part: promise broken: Each window of each part has its own Last.
step 1, 0s into the case: Parts[0], subject "acme>search/key-1": take 1 of window "day" (max 3, from At to At+24h0m0s), take 1 of window "month" (max 4, from At to At+720h0m0s); Parts[1], subject "acme": take 1 of window "day" (max 3, from At to At+24h0m0s):
	Parts[0].Last[0], window "day": 0, want 1
	Parts[0].Last[1], window "month": 0, want 1
	Parts[1].Last[0], window "day": 0, want 1`,
}, {
	"a closed subject", flawNamed("lets a read of a closed subject through"), `
move/closed: promise broken: Every charge of a closed subject returns a MovedError that names the new one, and charges nothing in any part.
step 5, 0s into the case: read window "day" (max 3, from At to At+24h0m0s); subject "key": error <nil>, want a MovedError from "key" to "acme>key" that wraps "store: not taken"`,
}, {
	"no room", flawNamed("leaves out the subjects for which there is no room"), `
full/several: promise broken: A charge makes all of its new subjects or none. ErrFull stands for the whole charge: no part was charged, also none of a subject that the counter has.
step 1, 0s into the case: Parts[0], subject "filler 0": take 1 of bucket "rate" (max 2, 1 every 24h0m0s); Parts[1], subject "filler 0>new": take 1 of window "day" (max 3, from At to At+24h0m0s): Take returned no error, want one that wraps "store: full" and "store: not taken"`,
}, {
	"an error", Harness{New: func(testing.TB) store.Counter {
		return Faulty(newModel(), Fault{Take: 2, Err: fmt.Errorf("table is locked")})
	}}, `
late/old-read: promise broken: Reading an old window, or one that was never charged, does not change the newer one.
step 3, 24h0m0s into the case: read window "day" (max 3, from At-24h0m0s to At); subject "somebody": Take returned the error "store: not taken: table is locked", want none`,
}}

func flawNamed(name string) Harness {
	all := flaws()
	return all[slices.IndexFunc(all, func(f flaw) bool { return f.name == name })].harness()
}

// levelsOff returns a counter whose buckets are always admitted, and that counts refused
// charges of windows.
func levelsOff(testing.TB) store.Counter {
	return &flawed{model: newModel(), flaw: func(f *flawed, c *store.Charge) {
		for i := range c.Parts[0].Meters {
			if f.model.take(c); !c.OK && c.Parts[0].Meters[i].IsWindow() {
				c.Parts[0].Levels[i].Used, c.Parts[0].Levels[i].Wait = c.Parts[0].Levels[i].Used+1, store.Never
			} else if !c.OK {
				c.OK, c.Parts[0].Levels[i].Wait, c.Parts[0].Levels[i].Reset = true, 0, day
			}
		}
	}}
}

// ownClocked returns a counter that tells durations of buckets by a clock of its own,
// which is a millisecond ahead.
func ownClocked(testing.TB) store.Counter {
	return &flawed{model: newModel(), flaw: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, m *store.Meter, l *store.Level) {
			if !m.IsWindow() && l.Reset > time.Millisecond && l.Reset != store.Never {
				l.Reset -= time.Millisecond
			}
		})
	}}
}

// TestMessages compares whole messages.
func TestMessages(t *testing.T) {
	for _, m := range messages {
		name, _, _ := strings.Cut(m.want, ":")
		for _, p := range promises() {
			if p.name == strings.TrimSpace(name) {
				r := new(recorded)
				m.h.bubble(t, func(t *testing.T) { report(r, p.name, p.says, m.h.try(t, p)) })
				require.Equal(t, m.want, "\n"+r.text, m.name)
			}
		}
	}
}

// recorded is a result that a test reads.
type recorded struct{ text string }

func (r *recorded) Helper()                           {}
func (r *recorded) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }
func (r *recorded) Skip(args ...any)                  { r.text += "skipped: " + fmt.Sprint(args...) }

// losesTags is a directory that loses the tags of keys and cuts their times.
type losesTags struct{ base }

func (s losesTags) InsertKey(ctx context.Context, k apikey.Key) error {
	if k.Tags = nil; len(k.StageKeys) > 0 {
		k.StageKeys = append([]string{"cats/prod"}, k.StageKeys[1:]...)
	}
	k.Created = k.Created.Truncate(time.Hour)
	return s.base.InsertKey(ctx, k)
}

// TestDirectoryMessages checks that a message names the line and the fields that differ.
func TestDirectoryMessages(t *testing.T) {
	for _, p := range keyCases() {
		if p.name != "insert" {
			continue
		}
		err := p.try(t, apikey.Store(losesTags{newBase()}))
		require.Regexp(t, `^storetest/keys\.go:\d+: by id:
	Tags is nil, want map\[n:2em8-key_0 team:a\]
	StageKeys\[0\] is "cats/prod", want "pets/prod"
	Created is 2026-11-23T12:00:00Z, want 2026-11-23T12:59:00Z$`, err.Error())
	}
}

// forgetsMap is a counter whose author forgot to make a map.
type forgetsMap struct {
	*model
	subjects map[string]int
}

func (f *forgetsMap) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.SetRemaining {
		f.subjects[c.Parts[0].Subject]++
	}
	return f.model.Take(ctx, c)
}

const brokenVariable = "RATION_BROKEN_STORE"

// TestBrokenStore is run by TestPanics alone, in a process of its own.
func TestBrokenStore(t *testing.T) {
	if os.Getenv(brokenVariable) == "" {
		t.Skip("fails: TestPanics runs it")
	}
	TestCounter(t, Harness{New: func(testing.TB) store.Counter { return &forgetsMap{model: newModel()} }})
}

// TestPanics checks that the panic of a store fails the case in which it happens, and
// that the other cases still run.
func TestPanics(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenStore$", "-test.v")
	cmd.Env = append(os.Environ(), brokenVariable+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	for what, want := range map[string]string{
		"the promise":                    "set/window: promise broken: SetRemaining makes N what remains of a window, whatever its use is.",
		"the step":                       "step 2, 0s into the case: set 5 remaining of window \"day\" (max 3, from At to At+24h0m0s); subject \"somebody\": the store panicked: assignment to entry in nil map\n",
		"the stack":                      "storetest.(*forgetsMap).Take",
		"a case after the panic":         "--- PASS: TestBrokenStore/call/begun",
		"the races are skipped, visibly": "the store panicked in another case",
	} {
		require.True(t, strings.Contains(string(out), want), what)
	}
	require.False(t, strings.Contains(string(out), "[recovered]"))
}
