package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// request is what one decision sends: its key, its head and its figures. They are one
// string, not a buffer that is used again: the client may still hold it after a call was
// given up. One string is also one allocation.
type request struct {
	text   string
	key    int // where the key ends
	head   int // where the head ends
	meters int
}

func (r *request) value() string   { return r.text[:r.key] }
func (r *request) headArg() string { return r.text[r.key:r.head] }
func (r *request) figures() string { return r.text[r.head:] }

// slots is how many slots a Cluster has.
const slots = 1 << 14

// slot returns the slot of the key: the CRC-16 (XMODEM) of the text between its braces.
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

// length returns the length of the head as decimal digits, as the script wants it.
func (r *request) length() string { return strconv.Itoa(r.head - r.key) }

// args returns the arguments of one.lua.
func (r *request) args() [3]string { return [3]string{r.headArg(), r.length(), r.figures()} }

// request returns the request for charge c at the instant at.
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

// The shapes of a charge, by which the script picks its code. The shapes before loops
// have straight-line code.
const (
	bucket byte = 1 + iota
	window
	bucketWindow
	bucketWindows
	loops
	setting // SetRemaining
)

// shape returns the shape of c. The straight-line code wants a bucket before all windows,
// no rare bucket, and more than 0 units of every meter.
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

// appendFigures appends the shape, how long the key must live from now on (µs), and the
// second of the charge. What the head does not say of each meter follows: N and Max, and
// the Rate of a bucket.
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

// units returns N[i], bounded by what a float64 holds exactly. If the charge sets what
// remains, -1 means that the script leaves the meter alone: an Unlimited window cannot be
// set.
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

// lifeAt returns how long m must be kept from the second at on, in microseconds.
func lifeAt(m *store.Meter, at int64) int64 {
	if !m.IsWindow() {
		return life(m)
	}
	if left := until(m) - at; left <= never/1_000_000 {
		return left * 1_000_000
	}
	return never
}
