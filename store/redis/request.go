package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// request is what one decision sends: its key, and the script's two arguments. They are
// one string, because the client may still hold it after a call that was given up.
type request struct {
	text      string
	key, head int // where each ends
	meters    int
}

func (r *request) value() string   { return r.text[:r.key] }
func (r *request) headArg() string { return r.text[r.key:r.head] }
func (r *request) figures() string { return r.text[r.head:] }

// slots is how many a Cluster has.
const slots = 1 << 14

// slot is the one of the key: the CRC-16 of what its braces hold.
func (r *request) slot() int {
	crc := uint16(0)
	for i := strings.IndexByte(r.text, '{') + 1; i < r.key-1; i++ {
		crc = crc>>8 | crc<<8
		crc ^= uint16(r.text[i])
		crc ^= crc & 0xff >> 4
		crc ^= crc << 12
		crc ^= crc & 0xff << 5
	}
	return int(crc) % slots
}

// length is that of the head, in text.
func (r *request) length() string { return strconv.Itoa(r.head - r.key) }

// args are those of one.lua.
func (r *request) args() [3]string { return [3]string{r.headArg(), r.length(), r.figures()} }

// request writes c, at its instant at, for the script.
func (s *Store) request(c *store.Charge, at time.Time) (r request) {
	b := make([]byte, 0, 768) // on the stack; most charges fit
	b = append(append(b, s.prefix...), ":{"...)
	b = append(appendEscaped(b, c.Subject, '}'), '}')
	r.key = len(b)
	b = appendHead(b, c.Meters)
	r.head = len(b)
	b = appendFigures(b, c, at.Unix())
	r.text, r.meters = string(b), len(c.Meters)
	return r
}

// The shapes of a charge, by which the script picks its code. Those before loops have
// straight-line code.
const (
	bucket byte = 1 + iota
	window
	bucketWindow
	bucketWindows
	loops
	setting // SetRemaining
)

// shape is that of c. Straight-line code takes of every meter, first of the bucket.
func shape(c *store.Charge) byte {
	if c.SetRemaining {
		return setting
	}
	buckets, windows := 0, 0
	for i := range c.Meters {
		switch {
		case c.N[i] <= 0 || kind(&c.Meters[i]) == 'r':
			return loops
		case c.Meters[i].IsWindow():
			windows++
		case i > 0:
			return loops
		default:
			buckets++
		}
	}
	switch {
	case buckets == 1 && windows == 0:
		return bucket
	case buckets == 0 && windows == 1:
		return window
	case buckets == 1 && windows == 1:
		return bucketWindow
	case buckets == 1 && windows == 2:
		return bucketWindows
	}
	return loops
}

// appendFigures writes the shape, how long the key must live from now on (µs), the second
// of the charge, and of each meter what the head does not say: N and Max, and a bucket's
// Rate.
func appendFigures(b []byte, c *store.Charge, at int64) []byte {
	at = min(max(at, -store.MaxUnits), store.MaxUnits)
	longest := int64(0)
	for i := range c.Meters {
		if kind(&c.Meters[i]) != 'r' {
			longest = max(longest, lifeAt(&c.Meters[i], at))
		}
	}
	b = appendNumber(appendNumber(append(b, shape(c)), longest), at)
	for i := range c.Meters {
		m := &c.Meters[i]
		b = appendNumber(appendNumber(b, units(c, i)), m.Max)
		if !m.IsWindow() {
			b = appendNumber(appendNumber(b, m.Rate.Tokens), per(m))
		}
	}
	return b
}

// units is N[i] within what a double holds. The script sets no meter to less than
// nothing, which stands for leaving an Unlimited window alone.
func units(c *store.Charge, i int) int64 {
	switch m := &c.Meters[i]; {
	case !c.SetRemaining:
		return min(max(c.N[i], -store.MaxUnits), store.MaxUnits+1) // one more than any meter holds
	case m.IsWindow() && m.Max == store.Unlimited:
		return -1
	default:
		return min(max(c.N[i], 0), store.MaxUnits)
	}
}

// lifeAt is how long m must be kept from the second at on, in microseconds.
func lifeAt(m *store.Meter, at int64) int64 {
	if !m.IsWindow() {
		return life(m)
	}
	if left := until(m) - at; left <= never/1_000_000 {
		return left * 1_000_000
	}
	return never
}
