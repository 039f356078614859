package redis

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// The value of a subject is a head, which says what meters it holds, and a tail, which is
// their state. A charge brings the head of a value that holds just its meters; when that
// is how the stored value begins, only the tail is read and patched.
//
//	head    'R', layout, count                    count and index: two bytes, 0x80 + seven bits each
//	        count times: '\n', kind, name, '\n', index      kind: 'b', 'w' or 'r'; no '\n' in the name, so each stands for itself
//	        count times: of a bucket: the Per its part is written in, how long it can take to fill (µs; see life)
//	                     of a window: its Start, its End + Keep (Unix seconds)
//	tail    1, the server's time (µs) when the key expires
//	        count times: of a bucket: tokens, part, last
//	                     of a window: used, extra, 0
//
// Every number is a double in little endian, eight bytes. The script replies a tail as
// well. Its first byte is 0 for a refusal, and 2 for an error among many decisions. Its
// first number is the server's time, or any later instant where no bucket was last
// charged after the server's time.
//
// What few decisions need is aside, in two hashes: an ended window under its name and
// Start (1, used, extra, End + Keep), a rare bucket under its name and '\n' (2, tokens,
// part, last, and its two numbers of the head).
const (
	layout   = 1
	tailLen  = 1 + 8
	stateLen = 3 * 8

	refused, applied, faulty = 0, 1, 2 // the first byte of a reply
)

// never is the life of a bucket that nothing refills, and of anything else that outlives
// the microseconds of a double.
const never = store.MaxUnits + 1

// appendHead writes the head of a value that holds meters and no others.
func appendHead(b []byte, meters []store.Meter) []byte {
	b = appendIndex(append(b, 'R', layout), len(meters))
	for i := range meters {
		b = append(appendEscaped(append(b, '\n', kind(&meters[i])), meters[i].Name, '\n'), '\n')
		b = appendIndex(b, i)
	}
	for i := range meters {
		if m := &meters[i]; m.IsWindow() {
			b = appendNumber(appendNumber(b, m.Start), until(m))
		} else {
			b = appendNumber(appendNumber(b, per(m)), life(m))
		}
	}
	return b
}

func kind(m *store.Meter) byte {
	switch {
	case m.IsWindow():
		return 'w'
	case m.Rare:
		return 'r'
	}
	return 'b'
}

// until is the second from which a window need not be kept.
func until(m *store.Meter) int64 {
	keep := int64(m.Keep / time.Second)
	if m.Keep%time.Second > 0 {
		keep++
	}
	return min(m.End+keep, store.MaxUnits)
}

// per is the denominator of a bucket's fraction.
func per(m *store.Meter) int64 { return max(m.Rate.Per, 1) }

// life is how long a bucket can take to fill, in microseconds. It is exact for a rare
// one, of which there may be many. For any other it is rounded up to a power of two, so
// that a small change of plan changes no head, and at least 71 minutes. A bucket without
// capacity is full at once; it is kept for 12 days, so that it still knows what was taken
// when it gets some.
func life(m *store.Meter) int64 {
	switch {
	case m.Max == 0:
		return 1 << 40
	case m.Rate.Tokens == 0:
		return never
	}
	full := (m.Max*m.Rate.Per-1)/m.Rate.Tokens + 1
	if m.Rare {
		return full
	}
	return 1 << max(bits.Len64(uint64(full-1)), 32)
}

// appendEscaped writes s without the byte special: as a percent sign and two digits, like
// the percent sign itself.
func appendEscaped(b []byte, s string, special byte) []byte {
	const digits = "0123456789ABCDEF"
	if strings.IndexByte(s, special) < 0 && strings.IndexByte(s, '%') < 0 {
		return append(b, s...)
	}
	for i := range len(s) {
		if c := s[i]; c == special || c == '%' {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

func appendIndex(b []byte, i int) []byte { return append(b, 0x80|byte(i>>7), 0x80|byte(i&0x7f)) }

func appendNumber(b []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(n)))
}

func number(s string) int64 {
	_ = s[7]
	return int64(math.Float64frombits(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56))
}
