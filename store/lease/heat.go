package lease

import (
	"sync/atomic"
)

// heat tells which subjects are hot: those that were charged a few times within one span
// of time. It has a fixed size, so cold subjects take no memory, however many there are.
//
// A slot counts the charges of one subject at a time. A hash chooses two slots, so that
// two subjects that are always charged together and share one do not take it from each
// other. Concurrent charges may lose a count. That only changes when a subject gets a
// lease.
type heat struct {
	slots [heatSlots]atomic.Uint64

	// inFlight is how many charges of cold subjects are under way to the inner Counter. Such
	// a charge may become one of a hot subject on its way. Then it cannot tell whether its
	// answer is from before the first settlement, so that one waits.
	inFlight [heatSlots]atomic.Int32
}

const (
	heatSlots = 1 << 13
	heatSpan  = 20_000 // µs
	hotAfter  = 3      // charges within a span
)

// touch counts a charge at an instant in microseconds. It returns how many there were in
// the span.
func (h *heat) touch(hash uint64, now int64) uint64 {
	// A slot has 24 bits of the hash, 32 of the span, and the count.
	mark := hash>>40<<40 | uint64(uint32(now/heatSpan))<<8
	first, second := &h.slots[hash%heatSlots], &h.slots[hash>>13%heatSlots]
	slot := first
	if old := first.Load(); old&^0xff != mark && uint32(old>>8) == uint32(mark>>8) {
		slot = second // another subject has the first for this span
	}
	switch old := slot.Load(); {
	case old&^0xff == mark:
		count := min(old&0xff+1, 0xff)
		slot.Store(mark | count)
		return count
	case uint32(old>>8) == uint32(mark>>8) && old&0xff > 1:
		// A third subject has it, unless it is charged less often.
		slot.Store(old - 1)
	default:
		slot.Store(mark | 1)
	}
	return 1
}

// beginCall counts charges of cold subjects that are under way, and endCall ends that.
func (h *heat) beginCall(hash uint64) { h.inFlight[hash%heatSlots].Add(1) }
func (h *heat) endCall(hash uint64)   { h.inFlight[hash%heatSlots].Add(-1) }

// under reports whether charges are under way that may be of the subject of that hash.
func (h *heat) under(hash uint64) bool { return h.inFlight[hash%heatSlots].Load() > 0 }
