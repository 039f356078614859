package redis

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// request is what one decision sends: the two keys, of which the value's begins the other, then the script's arguments.
type request struct {
	text                        string
	valueLen, endedLen, headLen int
}

func (r *request) value() string   { return r.text[:r.valueLen] }
func (r *request) ended() string   { return r.text[:r.endedLen] }
func (r *request) head() string    { return r.text[r.endedLen:r.headLen] }
func (r *request) figures() string { return r.text[r.headLen:] }

const (
	layout   = 1
	tailLen  = 9
	stateLen = 24
	never    = 1 << 53
)

// request writes c in the script's terms.
func (s *Store) request(c *store.Charge, at time.Time) (r request) {
	b := make([]byte, 0, 512)
	b = append(append(b, s.prefix...), ":{"...)
	b = append(escape(b, c.Subject, '}'), '}')
	r.valueLen = len(b)
	b = append(b, ":past"...)
	r.endedLen = len(b)
	b = appendHead(b, c.Meters)
	r.headLen = len(b)
	b = appendFigures(b, c, min(max(at.Unix(), -store.MaxUnits), store.MaxUnits))
	r.text = string(b)
	return r
}

func appendHead(b []byte, meters []store.Meter) []byte {
	b = index(append(b, 'R', layout), len(meters))
	for i := range meters {
		kind := byte('b')
		if meters[i].IsWindow() {
			kind = 'w'
		}
		b = append(escape(append(b, '\n', kind), meters[i].Name, '\n'), '\n')
		b = index(b, i)
	}
	for i := range meters {
		m := &meters[i]
		if m.IsWindow() {
			b = number(number(b, m.Start), until(m))
		} else {
			b = number(number(b, max(m.Rate.Per, 1)), life(m))
		}
	}
	return b
}

func appendFigures(b []byte, c *store.Charge, at int64) []byte {
	shape := len(b)
	b = append(b, shapeOf(c))
	b = number(b, 0)
	b = number(b, at)
	longest := int64(0)
	for i := range c.Meters {
		m := &c.Meters[i]
		n := min(max(c.N[i], -store.MaxUnits), never)
		if c.SetRemaining {
			n = min(max(n, 0), store.MaxUnits)
			if m.IsWindow() && m.Max == store.Unlimited {
				n = -1
			}
		}
		b = number(number(b, n), m.Max)
		if m.IsWindow() {
			if left := until(m) - at; left > never/1_000_000 {
				longest = never
			} else {
				longest = max(longest, left*1_000_000)
			}
		} else {
			b = number(number(b, m.Rate.Tokens), max(m.Rate.Per, 1))
			longest = max(longest, life(m))
		}
	}
	putNumber(b[shape+1:], longest)
	return b
}

// shapeOf names the straight-line code for c, or says that there is none.
func shapeOf(c *store.Charge) byte {
	if c.SetRemaining {
		return 6
	}
	if len(c.Meters) == 0 {
		return 5
	}
	windows := 0
	for i := range c.Meters {
		if c.N[i] <= 0 || i > 0 && !c.Meters[i].IsWindow() {
			return 5
		}
		if c.Meters[i].IsWindow() {
			windows++
		}
	}
	switch {
	case len(c.Meters) == 1 && windows == 0:
		return 1
	case len(c.Meters) == 1:
		return 2
	case len(c.Meters) == 2 && windows == 1:
		return 3
	case len(c.Meters) == 3 && windows == 2:
		return 4
	}
	return 5
}

func until(m *store.Meter) int64 {
	return min(m.End+int64((m.Keep+time.Second-1)/time.Second), store.MaxUnits)
}

// life is how long a bucket can take to fill.
func life(m *store.Meter) int64 {
	if m.Max == 0 {
		return 1 << 40
	}
	if m.Rate.Tokens == 0 {
		return never
	}
	full := uint64((m.Max*m.Rate.Per-1)/m.Rate.Tokens + 1)
	return 1 << max(bits.Len64(full-1), 32)
}

func escape(b []byte, s string, special byte) []byte {
	if strings.IndexByte(s, special) < 0 && strings.IndexByte(s, '%') < 0 {
		return append(b, s...)
	}
	for _, c := range []byte(s) {
		if c == special || c == '%' {
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

func index(b []byte, i int) []byte { return append(b, 0x80+byte(i>>7), 0x80+byte(i&0x7f)) }

func number(b []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(n)))
}

func putNumber(b []byte, n int64) {
	binary.LittleEndian.PutUint64(b, math.Float64bits(float64(n)))
}

func getNumber(b []byte) int64 {
	return int64(math.Float64frombits(binary.LittleEndian.Uint64(b)))
}
