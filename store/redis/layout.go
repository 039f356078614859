package redis

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// The value of a subject is a head, which says which meters it holds, and a tail, which
// is their state:
//
//	+-----+--------+-------+------------------+--------------------+---+---------+------------+
//	| 'R' | layout | count | names            | statics            | 1 | expires | states     |
//	+-----+--------+-------+------------------+--------------------+---+---------+------------+
//	   1      1        2     each: name, index   each: 8 + 8         1      8      each: 3 * 8
//	|<------------------------- head ----------------------------->|<--------- tail --------->|
//
// A charge brings the head of a value that holds exactly its meters. If the stored value
// begins with that head, as it usually does, the script knows where everything is: it
// reads the tail and patches it. Otherwise it looks each meter up by name.
//
//	count, index   two bytes, 0x80 + seven bits each, so that neither is ever '\n'
//	name           '\n', kind ('b' bucket, 'w' window), name, '\n'
//	               A rare bucket has kind 'r', but only in the head that a charge brings.
//	               A name contains no '\n' itself, so a search for it finds nothing else.
//	statics        of a bucket: the denominator of its part, its lifetime in µs (see life)
//	               of a window: its Start, its End + Keep, in Unix seconds
//	expires        the server's time at which the key expires, in µs
//	states         of a bucket: tokens, part, last
//	               of a window: used, extra, last (see store.Window)
//
// Every number is a little-endian float64, because Lua has no other numbers. All of them
// are integers that a float64 holds exactly.
//
// This is the value of ration:{gold:k1} after the first unit was charged to a bucket
// "rate" (burst 100, 10 tokens a second) and to a window "day" (kept for 48h):
//
//	00  52 02 80 82               'R', layout 2, two meters
//	04  0a 62 72 61 74 65 0a      name: bucket "rate"
//	0b  80 80                     index 0
//	0d  0a 77 64 61 79 0a         name: window "day"
//	13  80 81                     index 1
//	15  00 00 00 00 80 84 2e 41   rate: denominator 1000000
//	1d  00 00 00 00 00 00 f0 41   rate: lifetime 1<<32 µs, because it fills in 10s
//	25  00 00 00 60 e0 68 da 41   day: Start 1772323200, 2026-03-01 00:00 UTC
//	2d  00 00 00 80 dd 69 da 41   day: End + Keep 1772582400, 2026-03-04 00:00 UTC
//	35  01                        the tail begins
//	36  00 90 74 5b a1 30 19 43   expires 1772586000000000, an hour later
//	3e  00 00 00 00 00 c0 58 40   rate: tokens 99
//	46  00 00 00 00 00 00 00 00   rate: part 0, of 1000000
//	4e  00 40 bc d6 d4 2f 19 43   rate: last 1772366400000000, 2026-03-01 12:00 UTC
//	56  00 00 00 00 00 00 f0 3f   day: used 1
//	5e  00 00 00 00 00 00 00 00   day: extra 0
//	66  00 00 00 00 00 88 86 40   day: last 721, the minute from 12:00 on
//
// The script replies a tail for each part of a charge. Its first byte is 0 if the charge
// was refused. Its first number is the server's time. It may be any later instant if no
// bucket was last charged after the server's time. The states are those after the
// decision. Only the state of a soft meter is the one before the charge, because the Wait
// of its level depends on that. A reply that begins with 2 is an error, and one that
// begins with 3 names a closed subject: see cutReply.
//
// Two hashes hold what few decisions need. An ended window is in the field of its name
// and Start, as 1, used, extra, last, End + Keep. A rare bucket is in the field of its
// name and '\n', as 2, tokens, part, last and its two statics.
//
// The value of a closed subject is a mark: see move.go.
const (
	layout   = 2
	tailLen  = 1 + 8
	stateLen = 3 * 8

	refused, applied, faulty, closed = 0, 1, 2, 3 // the first byte of a reply
)

// never is the lifetime of a bucket that nothing refills, and of anything else whose
// lifetime in microseconds is more than a float64 holds exactly.
const never = store.MaxUnits + 1

// appendHead appends the head of a value that holds exactly meters.
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

// kind returns the kind of m in a head.
func kind(m *store.Meter) byte {
	switch {
	case m.IsWindow():
		return 'w'
	case m.Rare:
		return 'r'
	}
	return 'b'
}

// until returns the second from which window m need not be kept.
func until(m *store.Meter) int64 {
	keep := int64(m.Keep / time.Second)
	if m.Keep%time.Second > 0 {
		keep++
	}
	return min(m.End+keep, store.MaxUnits)
}

// per returns the denominator of the part of bucket m.
func per(m *store.Meter) int64 { return max(m.Rate.Per, 1) }

// life returns the lifetime of bucket m: how long it can take to fill, in microseconds. A
// bucket that has had so much time is full, and need not be kept.
//
// The lifetime of a rare bucket is exact, because there may be many of them. Any other is
// rounded up to a power of two, at least 1<<32 µs (71 minutes), so that a small change of
// a plan changes no head. A bucket without capacity is always full. It is kept for 12
// days, so that it still knows what was taken when it gets some capacity.
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

// appendEscaped appends s with the bytes special and '%' written as a percent sign and
// two hexadecimal digits.
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

// appendIndex appends i, below 1<<14, in two bytes that are never '\n'.
func appendIndex(b []byte, i int) []byte { return append(b, 0x80|byte(i>>7), 0x80|byte(i&0x7f)) }

func appendNumber(b []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(n)))
}

// number returns the number that s begins with.
func number(s string) int64 {
	_ = s[7] // one bounds check instead of eight
	return int64(math.Float64frombits(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56))
}
