package gate

import (
	"slices"

	"github.com/ration-go/ration/store"
)

// A corrected is a payer whose charge is corrected: its meters, and the levels of its
// limits.
type corrected struct {
	meters *meters
	levels []store.Level
}

// wantLevels has the Counter return the levels after the correction c. It returns the
// payer of each part. A payer that is not corrected has no part.
func (o *Outcome) wantLevels(c *store.Charge) (payers []corrected) {
	next := func(subject string, m *meters, levels []store.Level) {
		i := len(payers)
		if i == len(c.Parts) || c.Parts[i].Subject != subject {
			return
		}
		c.Parts[i].Levels = make([]store.Level, len(c.Parts[i].Meters))
		payers = append(payers, corrected{m, levels})
	}
	next(o.binding.subject, o.meters, o.keyLevels())
	for l := o.groups; l != nil; l = l.above {
		next(l.node.subject, l.meters, l.levels())
	}
	return payers
}

// showLevels copies what is used after the correction to the levels of the payer. Max and
// Wait stay: a charge above the limits has neither.
func (p *corrected) showLevels(part *store.Part) {
	for i := range part.Meters {
		name := part.Meters[i].Name
		at := slices.IndexFunc(p.meters.list, func(m store.Meter) bool { return m.Name == name })
		if at < len(p.levels) { // others are usage records
			p.levels[at].Used, p.levels[at].Reset = part.Levels[i].Used, part.Levels[i].Reset
		}
	}
}

// unshared returns a copy of o that shares no level with o.
func (o *Outcome) unshared() *Outcome {
	own := *o
	switch {
	case o.stands:
		own.stands = false
		for i := range own.keyLevels() {
			own.fewLevels[i] = o.Level(i)
		}
	case o.manyLevels != nil:
		own.manyLevels = new(*o.manyLevels)
	}
	for at := &own.groups; *at != nil; at = &(*at).above {
		g := new(**at)
		if g.many != nil {
			g.many = new(*g.many)
		}
		*at = g
	}
	return &own
}
