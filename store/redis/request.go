package redis

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// request is what one decision sends: of each part its key, its terms and its units. They
// are one string, not a buffer that is used again: the client may still hold it after a
// call was given up. One string is also one allocation.
type request struct {
	text  string
	parts int
	ends  [store.MaxParts]ends
}

// ends says where the texts of a part end, and how many meters the part has.
type ends struct{ key, head, terms, units, meters int32 }

// partText is the texts of a part. The terms are the head and the figures without the
// units. Charges of one plan have the same terms within a second.
type partText struct{ key, head, terms, figures, units string }

// part returns the texts of the i-th part.
func (r *request) part(i int) partText {
	e, start := &r.ends[i], int32(0)
	if i > 0 {
		start = r.ends[i-1].units
	}
	return partText{
		key: r.text[start:e.key], head: r.text[e.key:e.head], terms: r.text[e.key:e.terms],
		figures: r.text[e.head:e.terms], units: r.text[e.terms:e.units],
	}
}

// key returns the key of the first part.
func (r *request) key() string { return r.text[:r.ends[0].key] }

// describe returns the names of the keys, for an error.
func (r *request) describe() string {
	if r.parts == 1 {
		return fmt.Sprintf("key %q", r.key())
	}
	names := make([]string, r.parts)
	for i := range names {
		names[i] = strconv.Quote(r.part(i).key)
	}
	return "one of the keys " + strings.Join(names, ", ")
}

// meters returns how many meters the request has. A part without meters counts as one,
// because it has a key.
func (r *request) meters() (n int) {
	for i := range r.parts {
		n += max(int(r.ends[i].meters), 1)
	}
	return n
}

// replyLen returns the length of the script's reply to the request.
func (r *request) replyLen() int {
	n := tailLen * r.parts
	for i := range r.parts {
		n += stateLen * int(r.ends[i].meters)
	}
	return n
}

// length returns the length of the head as decimal digits, as the scripts want it.
func (p *partText) length() string { return strconv.Itoa(len(p.head)) }

// args returns the arguments of the script for one decision of one part. Its figures are
// those of all meters, and the units.
func (r *request) args() [3]string {
	p := r.part(0)
	return [3]string{p.head, p.length(), r.text[r.ends[0].head:r.ends[0].units]}
}

// request returns the request for charge c at the instant at.
func (s *Store) request(c *store.Charge, at time.Time) (r request) {
	b := make([]byte, 0, 1024) // on the stack; most charges fit
	r.parts = len(c.Parts)
	for i := range c.Parts {
		p, e := &c.Parts[i], &r.ends[i]
		b = s.appendKey(b, p.Subject)
		e.key = int32(len(b))
		b = appendHead(b, p.Meters)
		e.head = int32(len(b))
		b = appendFigures(b, c.Op, p, at)
		e.terms = int32(len(b))
		for j := range p.Meters {
			b = appendNumber(b, units(c.Op, &p.Meters[j], p.N[j]))
		}
		e.units, e.meters = int32(len(b)), int32(len(p.Meters))
	}
	r.text = string(b)
	return r
}

// The shapes of a part, by which the script picks its code. The shapes before list have
// straight-line code, and list has a loop. Both are several times as fast as anyShape.
const (
	bucket byte = 1 + iota
	window
	bucketWindow
	bucketWindows
	list
	anyShape
	setting // SetRemaining
)

// shape returns the shape of a part. A list has neither a rare bucket nor a soft meter,
// and changes at least one meter. The straight-line code also wants a bucket before all
// windows, and more than 0 units of every meter.
func shape(op store.Op, p *store.Part) byte {
	if op == store.SetRemaining {
		return setting
	}
	buckets, windows, changes, inOrder := 0, 0, false, true
	for i := range p.Meters {
		m := &p.Meters[i]
		if m.Soft || kind(m) == 'r' {
			return anyShape
		}
		if m.IsWindow() {
			windows++
		} else {
			buckets++
			inOrder = inOrder && i == 0
		}
		changes = changes || p.N[i] != 0
		inOrder = inOrder && p.N[i] > 0
	}
	switch {
	case !changes:
		return anyShape
	case !inOrder || windows > 2:
		return list
	case buckets == 1:
		return [...]byte{bucket, bucketWindow, bucketWindows}[windows]
	case windows == 1:
		return window
	}
	return list
}

// appendFigures appends the shape of a part, the second of the charge, and how long the
// key must live from now on (µs). What the head does not say of each meter follows: Max,
// then the Rate of a bucket, or the span of a window in which the charge is.
//
// For the shapes from list on, each meter has four numbers. The first says whether the
// meter is soft, and a 0 follows the span.
func appendFigures(b []byte, op store.Op, p *store.Part, at time.Time) []byte {
	second := min(max(at.Unix(), -store.MaxUnits), store.MaxUnits)
	longest := int64(0)
	for i := range p.Meters {
		if kind(&p.Meters[i]) != 'r' {
			longest = max(longest, lifeAt(&p.Meters[i], second))
		}
	}

	form := shape(op, p)
	micros := at.UnixMicro()
	b = appendNumber(appendNumber(append(b, form), second), longest)
	for i := range p.Meters {
		m := &p.Meters[i]
		if form >= list {
			b = append(b, softFlag(m))
		}
		b = appendNumber(b, m.Max)
		switch {
		case !m.IsWindow():
			b = appendNumber(appendNumber(b, m.Rate.Tokens), per(m))
		case form >= list:
			b = appendNumber(appendNumber(b, m.SpanAt(micros)), 0)
		default:
			b = appendNumber(b, m.SpanAt(micros))
		}
	}
	return b
}

func softFlag(m *store.Meter) byte {
	if m.Soft {
		return 1
	}
	return 0
}

// units returns n, bounded by what a float64 holds exactly. If the charge sets what
// remains, -1 means that the script leaves the meter alone: an Unlimited window cannot be
// set.
func units(op store.Op, m *store.Meter, n int64) int64 {
	switch {
	case op != store.SetRemaining:
		return min(max(n, -store.MaxUnits), store.MaxUnits+1) // one more than any meter holds
	case m.IsWindow() && m.Max == store.Unlimited:
		return -1
	default:
		return min(max(n, 0), store.MaxUnits)
	}
}

// lifeAt returns how long m must be kept from the second at on, in microseconds.
func lifeAt(m *store.Meter, at int64) int64 {
	if !m.IsWindow() {
		return life(m)
	}
	if left := max(until(m)-at, 0); left <= never/1_000_000 {
		return left * 1_000_000
	}
	return never
}

// slots is how many slots a Cluster has.
const slots = 1 << 14

// slotOf returns the slot of a key: the CRC-16 (XMODEM) of the text between its first
// braces.
func slotOf(key string) int {
	start := strings.IndexByte(key, '{') + 1
	crc := uint16(0)
	for i := start; key[i] != '}'; i++ {
		crc = crc>>8 | crc<<8
		crc ^= uint16(key[i])
		crc ^= crc & 0xff >> 4
		crc ^= crc << 12
		crc ^= crc & 0xff << 5
	}
	return int(crc) % slots
}
