package memory

import (
	"iter"

	"github.com/ration-go/ration/store"
)

// crowd is the buckets of a subject that its account has no cells for. There may be
// hundreds of thousands, such as the IDs of requests. Everything here is done under a
// shard's lock, so no method but all looks at more than a few of them.
type crowd struct {
	places map[string]uint32 // by name
	slabs  [][]bucket        // full up to the last bucket; there may be empty ones behind it
	count  uint32
	hand   uint32 // the place that is looked at next

	// When all buckets are full again, or later, and the same of those that the hand has
	// passed in this round.
	full, passed int64
}

type bucket struct {
	store.Meter // as it was last charged
	state       store.Bucket
}

const (
	crowdBits = 8 // of a place within its slab
	crowdSlab = 1 << crowdBits

	few  = 16 // buckets, or windows: they can all be looked at, and none is forgotten
	pace = 2  // looks with each put, so that about half of the buckets at most are as good as new
)

func (c *crowd) len() int {
	if c == nil {
		return 0
	}
	return int(c.count)
}

func (c *crowd) at(place uint32) *bucket { return &c.slabs[place>>crowdBits][place%crowdSlab] }

// all yields every bucket.
func (c *crowd) all() iter.Seq[*bucket] {
	return func(yield func(*bucket) bool) {
		for place := range uint32(c.len()) { // of a nil crowd none
			if !yield(c.at(place)) {
				return
			}
		}
	}
}

// find returns the bucket of a name, or nil.
func (c *crowd) find(name string) *bucket {
	if c == nil {
		return nil
	}
	if place, ok := c.places[name]; ok {
		return c.at(place)
	}
	return nil
}

// put keeps a bucket, and forgets some that are as good as new.
func (c *crowd) put(m *store.Meter, state *store.Bucket, now int64) {
	if b := c.find(m.Name); b != nil {
		*b = bucket{*m, *state}
	} else {
		c.add(&bucket{*m, *state})
	}
	full := state.FullAt(m)
	c.full, c.passed = max(c.full, full), max(c.passed, full)
	for i := 0; i < pace && c.len() > few; i++ {
		c.look(now)
	}
}

// look forgets the bucket that the hand is at, if it is full, or moves the hand on.
func (c *crowd) look(now int64) {
	b := c.at(c.hand)
	if full := b.state.FullAt(&b.Meter); full > now {
		c.passed = max(c.passed, full)
		c.hand++
	} else {
		c.forget(c.hand)
	}
	if c.hand >= c.count { // a round is over
		c.hand, c.full, c.passed = 0, c.passed, 0
		// The count goes up and down by half in each round. More than that is memory to give
		// back.
		if most := int(c.count>>crowdBits)*4 + 4; len(c.slabs) > most {
			clear(c.slabs[most:])
			c.slabs = c.slabs[:most]
		}
	}
}

func (c *crowd) add(b *bucket) {
	if c.places == nil {
		c.places = map[string]uint32{}
	}
	slab := int(c.count >> crowdBits)
	if slab == len(c.slabs) {
		c.slabs = append(c.slabs, nil)
	}
	c.slabs[slab] = append(c.slabs[slab], *b)
	c.places[b.Name] = c.count
	c.count++
}

// forget puts the last bucket in the place of one.
func (c *crowd) forget(place uint32) {
	c.count--
	b, last := c.at(place), c.at(c.count)
	delete(c.places, b.Name)
	if b != last {
		*b = *last
		c.places[b.Name] = place
	}
	*last = bucket{}
	c.slabs[c.count>>crowdBits] = c.slabs[c.count>>crowdBits][:c.count%crowdSlab]
}

// fullAt returns when all buckets are full again; of a great many it may be later.
func (c *crowd) fullAt() (at int64) {
	switch n := c.len(); {
	case n == 0:
		return 0
	case n > few:
		return c.full
	}
	for b := range c.all() {
		at = max(at, b.state.FullAt(&b.Meter))
	}
	return at
}
