package store

// A State is what a store keeps of one Meter of a subject. The zero State is a full
// bucket or an unused window. Only the half of the meter's kind counts.
type State struct {
	Bucket Bucket
	Window Window
}

// Take applies a charge of n units. at is the caller's clock, for windows. now is the
// clock by which buckets refill. Both are in Unix microseconds. Everything else is as for
// Bucket.Take and Window.Take.
func (s State) Take(m *Meter, at, now, n int64) (next State, l Level, ok bool) {
	if m.IsWindow() {
		ok = s.Window.Spend(m, at, n, &l)
	} else {
		ok = s.Bucket.Spend(m, now, n, &l)
	}
	return s, l, ok
}

// Set returns the state in which n units remain, and the level to report. at and now are
// as for Take.
func (s State) Set(m *Meter, at, now, n int64) (next State, l Level) {
	if m.IsWindow() {
		s.Window, l = s.Window.Set(m, at, n)
	} else {
		s.Bucket, l = s.Bucket.Set(m, now, n)
	}
	return s, l
}

// Decide works out c, which is a Spend or a SetRemaining, and fills in its OK, Levels and
// Last. It does what Counter promises of a charge, apart from reading and keeping the
// states. A store that decides through Decide needs no arithmetic of its own.
//
// held has the state of every meter: first the meters of the first part in their order,
// then those of the second, and so on. Decide writes the states that follow to next,
// which is another slice of the same length. It reports whether the store has to keep
// them. If not, next is of no use.
//
// Only the meters that c changes need to be kept: those whose N is not zero, and with
// SetRemaining all of them. See Changes.
//
// at is the caller's clock, for windows: c.At.UnixMicro(), or the store's own clock if
// c.At is zero. now is the clock by which buckets refill. Both are in Unix microseconds.
//
// A Move has no meters, so a store carries it out without Decide.
func (c *Charge) Decide(held, next []State, at, now int64) (keep bool) {
	c.OK = true
	i := 0
	for p := range c.Parts {
		part := &c.Parts[p]
		for j := range part.Meters {
			var l Level
			fits := true
			if m, n := &part.Meters[j], part.N[j]; c.Op == SetRemaining {
				next[i], l = held[i].Set(m, at, now, n)
			} else {
				next[i], l, fits = held[i].Take(m, at, now, n)
			}
			if part.Levels != nil {
				part.Levels[j] = l
			}
			c.OK = c.OK && fits
			keep = keep || c.Changes(part, j)
			i++
		}
	}
	if !c.OK {
		c.showHeld(held, at, now)
		next = held
	}
	c.showLast(next)
	return keep && c.OK
}

// Changes reports whether c, if it is applied, changes the state of the i-th meter of one
// of its parts.
func (c *Charge) Changes(p *Part, i int) bool { return p.N[i] != 0 || c.Op == SetRemaining }

// showHeld fills in the levels of a charge that is refused: nothing was taken. The meters
// that it did not fit keep their Wait.
func (c *Charge) showHeld(held []State, at, now int64) {
	i := 0
	for p := range c.Parts {
		part := &c.Parts[p]
		for j := range part.Levels {
			wait := part.Levels[j].Wait
			_, part.Levels[j], _ = held[i+j].Take(&part.Meters[j], at, now, 0)
			part.Levels[j].Wait = wait
		}
		i += len(part.Meters)
	}
}

// showLast fills in the Last of every part, from the states after the charge.
func (c *Charge) showLast(states []State) {
	for p := range c.Parts {
		part := &c.Parts[p]
		for j := range part.Last {
			part.Last[j] = states[j].Window.Last
		}
		states = states[len(part.Meters):]
	}
}
