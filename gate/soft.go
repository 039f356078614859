package gate

import "slices"

// soften makes all meters soft, except that of an ID, which does not limit. It copies
// them, because other decisions share them.
func (p *pending) soften() {
	for i := range p.Parts {
		part := &p.Parts[i]
		part.Meters = slices.Clone(part.Meters)
		for j := range part.Meters {
			part.Meters[j].Soft = !part.Meters[j].Rare
		}
	}
}

// noteShared notes the shared throttle with the longest wait among those that would
// refuse if Enforce were on.
func (d *Decision) noteShared(p *pending) {
	if d.Reason != Admitted || d.Repeated {
		return
	}
	for i, part := range p.sharedParts() {
		wait := part.Levels[0].Wait
		if wait > 0 && (d.refuser == nil || wait > d.refuser.wait) {
			r := p.shared[i].refuser
			r.wait = wait
			d.refuser = &r
		}
	}
}
