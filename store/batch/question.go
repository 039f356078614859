package batch

import (
	"slices"

	"github.com/ration-go/ration/store"
)

// A question is a copy of a Charge. It shares no memory with the original, which the
// caller uses again as soon as Take has returned. Its own memory serves many charges.
type question struct {
	charge store.Charge
	parts  [store.MaxParts]store.Part
	rooms  [store.MaxParts]room
	text   []byte
}

// room has the memory of the lists of a part.
type room struct {
	meters []store.Meter
	n      []int64
	levels []store.Level
	last   []int64
}

// ask makes q a copy of c.
func (q *question) ask(c *store.Charge) {
	for i := range c.Parts {
		q.parts[i] = q.rooms[i].copyOf(&c.Parts[i])
	}
	q.charge = *c
	q.charge.Parts = q.parts[:len(c.Parts)]
	q.copyTexts()
}

// copyOf returns a copy of p, with the texts of p.
func (r *room) copyOf(p *store.Part) store.Part {
	r.meters = append(r.meters[:0], p.Meters...)
	r.n = append(r.n[:0], p.N...)
	copied := store.Part{Subject: p.Subject, Meters: r.meters, N: r.n, Place: p.Place}
	if p.Levels != nil {
		r.levels = slices.Grow(r.levels[:0], len(p.Levels))[:len(p.Levels)]
		copied.Levels = r.levels
	}
	if p.Last != nil {
		r.last = slices.Grow(r.last[:0], len(p.Last))[:len(p.Last)]
		copied.Last = r.last
	}
	return copied
}

// copyTexts replaces the subjects and the names by copies, which are parts of one string.
// A caller may have them in a buffer that it uses again.
func (q *question) copyTexts() {
	q.text = q.text[:0]
	for text := range q.texts {
		q.text = append(q.text, *text...)
	}
	all := string(q.text)
	for text := range q.texts {
		n := len(*text)
		*text, all = all[:n], all[n:]
	}
}

// texts yields the subject and the names of each part.
func (q *question) texts(yield func(text *string) bool) {
	for i := range q.charge.Parts {
		p := &q.charge.Parts[i]
		if !yield(&p.Subject) {
			return
		}
		for j := range p.Meters {
			if !yield(&p.Meters[j].Name) {
				return
			}
		}
	}
}

// answer copies the answer to c, of which q is a copy.
func (q *question) answer(c *store.Charge) {
	c.OK = q.charge.OK
	for i := range c.Parts {
		p, answered := &c.Parts[i], &q.charge.Parts[i]
		copy(p.Levels, answered.Levels)
		copy(p.Last, answered.Last)
		p.Place = answered.Place
	}
}

// meters returns how many meters q has. A part without meters counts as one, because it
// has a subject.
func (q *question) meters() (n int) {
	for i := range q.charge.Parts {
		n += max(1, len(q.charge.Parts[i].Meters))
	}
	return n
}
