package storetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var randomPromises = []promise{{
	name: "random/as-the-model",
	says: "In any history of charges, refunds, extensions, plan changes and clock steps, every answer equals that " +
		"of the reference counter.",
	test: func(t *trial) {
		for seed := range uint64(4) {
			newPlay(t, seed).run(600)
		}
	},
}}

// play is a random sequence of charges, made of the counter and of the model.
type play struct {
	*trial
	seed  uint64
	rnd   *rand.Rand
	ref   *model
	plans map[string]*randomPlan

	single bool // most charges have one meter
	listed bool // most charges have the same few meters in one order
}

// randomPlan is the present plan of a subject: two buckets, of which the second is rare,
// and three quotas whose windows follow one another.
type randomPlan struct {
	buckets [2]store.Meter
	limits  [3]int64
}

var (
	// one of them is also the name of a bucket
	randomNames   = [3]string{"minute", "hour", "rate-0"}
	randomLengths = [3]int64{60, 3600, 86400}
	randomLimits  = []int64{0, 3, 10, 10, 1000, 1 << 40, store.Unlimited}
	randomBuckets = []store.Meter{
		{Max: 10, Rate: perDay}, {Max: 3, Rate: perDay}, {Max: 1000, Rate: perDay}, {Max: 0, Rate: perDay},
		{Max: 1 << 52}, {Max: 5},
		{Max: 5, Rate: sevenths}, {Max: 100, Rate: perHour}, {Max: 1 << 52, Rate: store.Rate{Tokens: 1, Per: 1}},
		{Max: 50, Rate: store.Rate{Tokens: 33333, Per: 1_000_000_000}},
		{Max: 200, Rate: store.Rate{Tokens: 3_456_789, Per: 1_000_000}},
	}
	randomStill = 6 // the first of them, which do not refill during a test
)

func newPlay(t *trial, seed uint64) *play {
	h := &play{trial: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), ref: newModel(), plans: map[string]*randomPlan{}}
	if t.Advance != nil || t.Slack > 0 {
		h.ref.clock = func() int64 { return t.began.Add(t.elapsed()).UnixMicro() }
	}
	return h
}

func (h *play) run(steps int) {
	for i := range steps {
		h.pass()
		who := fmt.Sprintf("history %d, subject %d", h.seed, h.rnd.IntN(3))
		if h.rnd.IntN(20) == 0 {
			who = fmt.Sprintf("history %d, newcomer %d", h.seed, i)
		}
		if h.plans[who] == nil {
			h.plans[who] = &randomPlan{h.buckets(), h.limits()}
		}
		switch h.rnd.IntN(30) {
		case 0:
			h.replan(i, who)
		case 1:
			h.plans[who].limits = h.limits()
		default:
			h.agree(i, h.next(who))
		}
	}
}

// pass lets time pass: mostly little, sometimes hours.
func (h *play) pass() {
	switch h.rnd.IntN(8) {
	case 0:
		h.later(time.Duration(1+h.rnd.IntN(7200)) * time.Second)
	case 1, 2:
		h.later(time.Duration(1+h.rnd.IntN(30_000_000)) * us)
	case 3, 4:
		h.later(time.Duration(1+h.rnd.IntN(300_000)) * us)
	}
}

func (h *play) buckets() (b [2]store.Meter) {
	kinds := randomBuckets
	if h.Slack > 0 || h.Leases {
		kinds = kinds[:randomStill]
	}
	for i := range b {
		b[i] = kinds[h.rnd.IntN(len(kinds))]
		b[i].Name, b[i].Rare = fmt.Sprint("rate-", i), i == 1
	}
	return b
}

func (h *play) limits() (l [3]int64) {
	for i := range l {
		l[i] = randomLimits[h.rnd.IntN(len(randomLimits))]
	}
	return l
}

// replan gives a subject other buckets. It charges each under the old plan and under the
// new one at the same instant, because a store may have forgotten a bucket that was full
// under the plan it knew.
func (h *play) replan(i int, who string) {
	p := h.plans[who]
	old := p.buckets
	p.buckets = h.buckets()
	for j := range old {
		h.agree(i, &store.Charge{At: h.at(), Parts: []store.Part{store.NewPart(who, 1, old[j:j+1]...)}})
		h.agree(i, &store.Charge{At: h.at(), Parts: []store.Part{store.NewPart(who, -1, p.buckets[j:j+1]...)}})
	}
}

// next returns a random charge: some of the subject's meters in any order, and sometimes
// windows that are over.
func (h *play) next(who string) *store.Charge {
	p := h.plans[who]
	meters := slices.Clone(p.buckets[:])
	for i, length := range randomLengths {
		for age := range int64(3) {
			if age > 0 && h.rnd.IntN(4) > 0 {
				continue
			}
			// Windows begin where the history does. Aligned with the calendar, what a history
			// has would depend on the time of day.
			start := h.base.Unix() + (int64(h.now/time.Second)/length-age)*length
			meters = append(meters, store.Meter{Name: randomNames[i], Max: p.limits[i], Start: start, End: start + length,
				Keep: time.Duration(3*length) * time.Second})
		}
	}
	if h.listed && h.rnd.IntN(8) > 0 {
		return h.chargeList(who, meters)
	}
	h.rnd.Shuffle(len(meters), func(i, j int) { meters[i], meters[j] = meters[j], meters[i] })
	meters = meters[:min(1+h.rnd.IntN(len(meters)), store.MaxMeters)]
	if h.single && h.rnd.IntN(4) > 0 {
		meters = meters[:1]
	}
	c := &store.Charge{Op: opOf(h.rnd.IntN(15) == 0), At: h.clock(who), Parts: []store.Part{store.NewPart(who, 0, meters...)}}
	same := h.rnd.IntN(2) == 0
	for i := range meters {
		c.Parts[0].N[i] = h.units(meters[i].Max)
		if same && i > 0 {
			c.Parts[0].N[i] = c.Parts[0].N[0]
		}
	}
	return c
}

// chargeList returns a charge of a bucket and the newest windows of two quotas, mostly of
// one unit each.
func (h *play) chargeList(who string, meters []store.Meter) *store.Charge {
	list := []store.Meter{meters[0]}
	for _, name := range randomNames[1:] {
		for i := range meters {
			if meters[i].Name == name && meters[i].IsWindow() {
				list = append(list, meters[i])
				break
			}
		}
	}
	c := &store.Charge{At: h.clock(who), Parts: []store.Part{store.NewPart(who, 1, list...)}}
	if n := c.Parts[0].N; h.rnd.IntN(4) == 0 {
		for i := range n {
			n[i] = h.units(list[i].Max)
		}
	}
	return c
}

func (h *play) units(most int64) int64 {
	switch h.rnd.IntN(40) {
	case 0:
		return math.MaxInt64
	case 1:
		return math.MinInt64
	case 2:
		return most
	case 3:
		return -most
	case 4:
		return h.rnd.Int64N(most + 2)
	}
	return h.rnd.Int64N(9) - 3
}

// clock returns the caller's clock: sometimes zero for the store's own, sometimes a few
// seconds back. It does not step back to before an instant at which a bucket was full,
// since a store may have forgotten that bucket since.
func (h *play) clock(subjects ...string) time.Time {
	switch at := h.at(); {
	case h.Bubble != nil && h.rnd.IntN(10) == 0:
		return time.Time{}
	case h.rnd.IntN(10) == 0:
		back := at.Add(-time.Duration(h.rnd.IntN(3_000_000)) * us)
		for _, who := range subjects {
			if h.becameFull(who, back, at) {
				return at
			}
		}
		return back
	default:
		return at
	}
}

// becameFull reports whether a bucket of a subject was full for the first time after one
// instant and up to another.
func (h *play) becameFull(who string, after, upTo time.Time) bool {
	for i := range h.plans[who].buckets {
		m := &h.plans[who].buckets[i]
		full := h.ref.states[key{subject: who, name: m.Name}].Bucket.FullAt(m)
		if after.UnixMicro() < full && full <= upTo.UnixMicro() {
			return true
		}
	}
	return false
}

// agree makes a charge of both counters and compares the answers.
func (h *play) agree(i int, c *store.Charge) {
	// A store may decide another way if somebody wants to know Last.
	if h.rnd.IntN(3) == 0 && !(h.Leases && h.Slack > 0) {
		for p := range c.Parts {
			c.Parts[p].Last = make([]int64, len(c.Parts[p].Meters))
		}
	}
	want := clone(c)
	h.ref.take(want)
	h.take(c)
	h.equal(i, c, want)
}

// equal compares two answers to one charge.
func (h *play) equal(i int, c, want *store.Charge) {
	var levels []store.Level
	for p := range want.Parts {
		levels = append(levels, want.Parts[p].Levels...)
	}
	wrong := h.differences(c, want.OK, levels)
	for p := range want.Parts {
		if !slices.Equal(c.Parts[p].Last, want.Parts[p].Last) {
			wrong += fmt.Sprintf("\n\tParts[%d].Last is %v, want %v", p, c.Parts[p].Last, want.Parts[p].Last)
		}
	}
	if wrong != "" {
		h.failf("history %d, step %d, %v into it: %s:%s", h.seed, i, h.now, about(c), wrong)
	}
}
