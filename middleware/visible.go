package middleware

import "encoding/binary"

// visible reports whether all bytes of s are ASCII characters from first, which is ' ' or
// '!', to '~'. It uses SWAR (SIMD within a register): it examines eight bytes at a time,
// as the eight lanes of a word, like hasless and hasmore in Sean Eron Anderson's "Bit
// Twiddling Hacks". For a secret of 50 characters it takes 7ns, and a plain loop takes
// 13ns. FuzzVisible compares the two.
//
// A bad byte sets the highest bit of its lane in one of three words: a byte from 0x80 in
// x itself, a byte below first in x minus first, and 0x7f in x plus one.
//
// A lane may borrow from the next one above it, or carry into it. Answers stay right
// nevertheless. Good bytes do neither by themselves, so a word of good bytes passes. In
// any other word the lowest bad byte is found, since no lane below it borrows or carries.
func visible(s string, first byte) bool {
	const ones, highest = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	for ; len(s) >= 8; s = s[8:] {
		x := binary.LittleEndian.Uint64([]byte(s))
		if (x|(x-ones*uint64(first))|(x+ones))&highest != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] < first || s[i] > '~' {
			return false
		}
	}
	return true
}
