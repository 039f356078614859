package middleware

import (
	"strings"
	"testing"
)

// plainVisible is the reference of visible: a loop over the bytes.
func plainVisible(s string, first byte) bool {
	for i := range len(s) {
		if s[i] < first || s[i] > '~' {
			return false
		}
	}
	return true
}

// FuzzVisible compares visible with the plain loop.
func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "abcdefgh", "abcdefg\x7f", "\xffbcdefgh", " !~\x1f\x80\x00ab", strings.Repeat("~", 17), "abcdefgh\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, first := range []byte{' ', '!'} {
			if got, want := visible(s, first), plainVisible(s, first); got != want {
				t.Errorf("visible(%q, %q) = %t: want %t", s, first, got, want)
			}
		}
	})
}

// TestVisiblePairs compares the two on each pair of neighbouring bytes, since a byte can
// borrow from its neighbour or carry into it.
func TestVisiblePairs(t *testing.T) {
	for pair := range 1 << 16 {
		word := []byte("abcdefgh")
		word[3], word[4] = byte(pair), byte(pair>>8)
		for _, first := range []byte{' ', '!'} {
			if got, want := visible(string(word), first), plainVisible(string(word), first); got != want {
				t.Fatalf("visible(%q, %q) = %t: want %t", word, first, got, want)
			}
		}
	}
}
