package redis

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var (
	historySubjects = []string{"f", "f>a", "f>b", "f>k1", "f>k2", "f>k3", "g}", "g}>a", "g}>k%"}
	historyBuckets  = []store.Meter{
		{Name: "rate", Max: 20, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}},
		{Name: "rate", Max: 7},
		{Name: "rate", Max: 100, Rate: store.Rate{Tokens: 7, Per: 3_000_000}},
		{Name: "rate", Max: 1 << 30, Rate: store.Rate{Tokens: 3_456_789, Per: 1_000_000}},
		{Name: "rate", Max: 0},
	}
	historyStill = 2 // of them do not refill during a test with a real clock
)

// metersOf returns the meters of a subject, by the clock at. Its figures do not change.
func (h *partsHistory) metersOf(subject string, at time.Time) (all []store.Meter) {
	if h.meters[subject] == nil {
		buckets := historyBuckets
		if h.setAt == nil {
			buckets = buckets[:historyStill]
		}
		rate, other := buckets[h.rnd.IntN(len(buckets))], buckets[h.rnd.IntN(len(buckets))]
		other.Name, other.Soft = "other\n", h.rnd.IntN(2) == 0
		most := []int64{0, 3, 10, 50, 50, 1000, store.MaxUnits - 3}
		h.meters[subject] = []store.Meter{
			rate, {Name: "day", Max: most[h.rnd.IntN(len(most))]}, {Name: "use", Max: store.Unlimited},
			{Name: "minute", Max: most[h.rnd.IntN(len(most))]}, {Name: "soft", Max: most[h.rnd.IntN(len(most))], Soft: true}, other,
		}
	}
	for _, m := range h.meters[subject] {
		length := int64(0)
		switch m.Name {
		case "day", "use", "soft":
			length = 86400
		case "minute":
			length = 60
		}
		if length > 0 {
			ago := int64(max(h.rnd.IntN(20)-17, 0)) // sometimes a window that has ended
			m.Start = (at.Unix()/length - ago) * length
			m.End, m.Keep = m.Start+length, time.Duration(4*length)*time.Second
		}
		all = append(all, m)
	}
	return all
}

// next returns a random charge.
func (h *partsHistory) next() *store.Charge {
	if h.rnd.IntN(25) == 0 {
		return h.nextMove()
	}
	c := &store.Charge{At: h.now}
	if h.rnd.IntN(15) == 0 {
		c.Op = store.SetRemaining
	}
	if h.setAt != nil && h.rnd.IntN(10) == 0 {
		c.At = c.At.Add(time.Duration(h.rnd.IntN(200_000)-100_000) * time.Millisecond)
	}
	subjects := slices.Clone(historySubjects)
	if h.rnd.IntN(4) > 0 {
		subjects = subjects[:6] // of one family
	}
	h.rnd.Shuffle(len(subjects), func(i, j int) { subjects[i], subjects[j] = subjects[j], subjects[i] })
	if h.rnd.IntN(30) == 0 {
		h.fresh++
		subjects[0] = fmt.Sprint("f>fresh ", h.seed, h.fresh)
	}
	for _, subject := range subjects[:1+h.rnd.IntN(3)*h.rnd.IntN(3)] {
		c.Parts = append(c.Parts, h.part(c, h.prefixed(subject)))
	}
	return c
}

// prefixed keeps the subjects of histories on one server apart.
func (h *partsHistory) prefixed(subject string) string {
	if h.setAt != nil {
		return subject
	}
	family, rest, isMember := cut(subject)
	family = fmt.Sprint(h.seed, family)
	if isMember {
		return family + ">" + rest
	}
	return family
}

func cut(subject string) (family, rest string, isMember bool) {
	family = store.Family(subject)
	if family == subject {
		return family, "", false
	}
	return family, subject[len(family)+1:], true
}

// part returns a part: often the usual meters in their order, sometimes any.
func (h *partsHistory) part(c *store.Charge, subject string) store.Part {
	meters := h.metersOf(subject, c.At)
	if h.rnd.IntN(3) > 0 {
		meters = meters[h.rnd.IntN(2) : 1+h.rnd.IntN(3)]
	} else {
		if h.rnd.IntN(3) == 0 {
			h.ids++
			id := store.Meter{Name: fmt.Sprint("id ", h.ids%20), Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
			meters = append(meters, id)
		}
		h.rnd.Shuffle(len(meters), func(i, j int) { meters[i], meters[j] = meters[j], meters[i] })
		meters = meters[:h.rnd.IntN(len(meters)+1)]
	}
	p := store.Part{Subject: subject, Meters: meters, N: make([]int64, len(meters)), Levels: make([]store.Level, len(meters))}
	sign := int64(1)
	if h.rnd.IntN(8) == 0 {
		sign = int64(h.rnd.IntN(2)) - 1 // a refund, or a read
	}
	for i := range p.N {
		p.N[i] = sign * (1 + h.rnd.Int64N(4))
		switch h.rnd.IntN(60) {
		case 0:
			p.N[i] = math.MaxInt64
		case 1:
			p.N[i] = math.MinInt64
		case 2:
			p.N[i] = 0
		}
	}
	if h.rnd.IntN(6) == 0 {
		p.Levels = nil
	}
	return p
}

// nextMove returns a move: to a new subject, back to one that is closed, or to one that
// is in use.
func (h *partsHistory) nextMove() *store.Charge {
	from := h.prefixed(historySubjects[h.rnd.IntN(len(historySubjects))])
	h.fresh++
	to := h.prefixed(fmt.Sprint([]string{"f", "g}", "h"}[h.rnd.IntN(3)], ">new ", h.seed, h.fresh))
	for _, subject := range historySubjects {
		subject = h.prefixed(subject)
		_, isClosed := h.ref.closed[subject]
		if subject != from && (isClosed && h.rnd.IntN(2) == 0 || h.ref.inUse(subject, h.now) && h.rnd.IntN(20) == 0) {
			to = subject
		}
	}
	// Closed subjects come back soon, so that there is something to charge.
	for _, subject := range historySubjects {
		subject = h.prefixed(subject)
		if other, isClosed := h.ref.closed[subject]; isClosed && h.rnd.IntN(2) == 0 {
			from, to = other, subject
			break
		}
	}
	return &store.Charge{Op: store.Move, At: h.now, Parts: []store.Part{{Subject: from}, {Subject: to}}}
}

func describe(c *store.Charge) string {
	text := fmt.Sprintf("op %d", c.Op)
	for i := range c.Parts {
		text += fmt.Sprintf("; %q %v of", c.Parts[i].Subject, c.Parts[i].N)
		for _, m := range c.Parts[i].Meters {
			text += fmt.Sprintf(" %q", m.Name)
		}
	}
	return text
}
