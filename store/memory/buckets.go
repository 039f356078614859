package memory

import (
	"iter"
	"strings"

	"github.com/ration-go/ration/store"
)

// A bucketSet holds the buckets of one subject that its account has no cells for. There
// may be hundreds of thousands, such as the IDs of requests.
//
// Everything happens under a shard's lock. So no method but all looks at more than a few
// buckets, and buckets that are full again go a few at a time: a clock hand visits two of
// them with each put. A full bucket is as good as one that was never charged.
type bucketSet struct {
	slots map[string]uint32 // by name
	slabs [][]bucket        // full up to the last bucket; empty slabs may follow
	count uint32
	hand  uint32 // the slot that the hand visits next

	// full is an instant at which all buckets are full again, and never too early. passed is
	// the same for the buckets that the hand has passed in this round; it becomes full when
	// the round is over, since by then the buckets that made full late may be gone.
	full, passed int64
}

type bucket struct {
	store.Meter // as it was last charged
	state       store.Bucket
}

const (
	bucketSlabBits = 8 // of a slot within its slab
	bucketSlabSize = 1 << bucketSlabBits

	// few is a number of buckets, or of windows, that one call may look at. A set of so few
	// buckets removes none.
	few = 16

	// visitsPerPut lets the hand go round faster than buckets come. Then at most about half
	// of the buckets are full ones that wait for the hand.
	visitsPerPut = 2
)

func (s *bucketSet) len() int {
	if s == nil {
		return 0
	}
	return int(s.count)
}

func (s *bucketSet) at(slot uint32) *bucket {
	return &s.slabs[slot>>bucketSlabBits][slot%bucketSlabSize]
}

// all yields every bucket. A nil set has none.
func (s *bucketSet) all() iter.Seq[*bucket] {
	return func(yield func(*bucket) bool) {
		for slot := range uint32(s.len()) {
			if !yield(s.at(slot)) {
				return
			}
		}
	}
}

// find returns the bucket of a name, or nil.
func (s *bucketSet) find(name string) *bucket {
	if s == nil {
		return nil
	}
	if slot, ok := s.slots[name]; ok {
		return s.at(slot)
	}
	return nil
}

// put keeps a bucket, and moves the hand on.
func (s *bucketSet) put(m *store.Meter, state *store.Bucket, now int64) {
	next := &bucket{*m, *state}
	if b := s.find(m.Name); b != nil {
		next.Name = b.Name
		*b = *next
	} else {
		next.Name = strings.Clone(m.Name)
		s.add(next)
	}
	full := state.FullAt(m)
	s.full = max(s.full, full)
	s.passed = max(s.passed, full)
	for i := 0; i < visitsPerPut && s.len() > few; i++ {
		s.visit(now)
	}
}

// visit removes the bucket at the hand if it is full, and otherwise moves the hand on.
func (s *bucketSet) visit(now int64) {
	b := s.at(s.hand)
	if full := b.state.FullAt(&b.Meter); full > now {
		s.passed = max(s.passed, full)
		s.hand++
	} else {
		s.remove(s.hand) // the last bucket comes here, and is visited next
	}
	if s.hand >= s.count {
		s.endRound()
	}
}

// endRound starts the hand's next round, and gives memory back. The count goes up and
// down by half in each round, so only what exceeds that is given back.
func (s *bucketSet) endRound() {
	s.hand = 0
	s.full, s.passed = s.passed, 0
	if most := int(s.count>>bucketSlabBits)*4 + 4; len(s.slabs) > most {
		clear(s.slabs[most:])
		s.slabs = s.slabs[:most]
	}
}

// add appends a bucket whose name is new.
func (s *bucketSet) add(b *bucket) {
	if s.slots == nil {
		s.slots = map[string]uint32{}
	}
	slab := int(s.count >> bucketSlabBits)
	if slab == len(s.slabs) {
		s.slabs = append(s.slabs, nil)
	}
	s.slabs[slab] = append(s.slabs[slab], *b)
	s.slots[b.Name] = s.count
	s.count++
}

// remove moves the last bucket into the slot of the one that goes, so that there are no
// gaps.
func (s *bucketSet) remove(slot uint32) {
	s.count--
	b, last := s.at(slot), s.at(s.count)
	delete(s.slots, b.Name)
	if b != last {
		*b = *last
		s.slots[b.Name] = slot
	}
	*last = bucket{} // a slab that stays must not keep the name alive
	s.slabs[s.count>>bucketSlabBits] = s.slabs[s.count>>bucketSlabBits][:s.count%bucketSlabSize]
}

// fullAt returns the instant at which all buckets are full again. Of more than a few it
// may be a later one.
func (s *bucketSet) fullAt() (at int64) {
	switch n := s.len(); {
	case n == 0:
		return 0
	case n > few:
		return s.full
	}
	for b := range s.all() {
		at = max(at, b.state.FullAt(&b.Meter))
	}
	return at
}
