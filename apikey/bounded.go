package apikey

import (
	"bufio"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// The bounds of a line of an API key file. encoding/csv has none, and takes memory for each comma that somebody sends.
const (
	maxLine    = 1 << 20 // bytes; a description of 125,000 characters takes half of them
	maxColumns = 1000
)

// bounded is a file as encoding/csv may read it. A line that breaks a bound is cut there: a *RowError is read, and then the
// next line. Since a line may have line breaks within quotes, bounded follows the quotes as encoding/csv does.
type bounded struct {
	text *bufio.Reader
	err  error // of text, told when all before it is read

	char [utf8.UTFMax]byte
	rest []byte // of char, still to be read

	line, now     int // in which the present line began, and that of the file, from 0
	size, columns int // of the present line: bytes, and commas between its columns
	at            place
}

// place is where in a line the next character is.
type place int

const (
	before  place = iota // a value, among the blanks in front of it
	plain                // in a value without quotes
	quoted               // in one with quotes
	closing              // behind a quote in one: it was the last, or the first of two
	broken               // behind a fault: encoding/csv passes over the rest
	cut                  // behind a bound: so do we
)

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		if len(b.rest) == 0 {
			err = b.next()
		}
		read := copy(p[n:], b.rest)
		n, b.rest = n+read, b.rest[read:]
	}
	return n, err
}

// next takes a character of the file. Behind a bound there is none to be read.
func (b *bounded) next() error {
	want := utf8.UTFMax
	if b.err != nil {
		want = min(want, b.text.Buffered())
	}
	ahead, err := b.text.Peek(want)
	if err != nil {
		b.err = err
	}
	if len(ahead) == 0 {
		return b.err
	}
	char, size := utf8.DecodeRune(ahead)
	if b.at != cut {
		b.rest = b.char[:copy(b.char[:], ahead[:size])]
	}
	_, _ = b.text.Discard(size) // it is there
	b.size += size
	b.follow(char)
	return b.bound(char)
}

// follow goes one character on.
func (b *bounded) follow(char rune) {
	switch {
	case char == '\n':
		if b.now++; b.at != quoted {
			b.begin()
		}
	case b.at == cut, b.at == broken:
	case b.at == quoted && char == '"':
		b.at = closing
	case b.at == quoted:
	case b.at == closing && char == '"', b.at == before && char == '"':
		b.at = quoted
	case char == ',':
		b.columns, b.at = b.columns+1, before
	case b.at == closing, char == '"':
		b.at = broken
	case !unicode.IsSpace(char):
		b.at = plain
	}
}

func (b *bounded) begin() { b.line, b.size, b.columns, b.at = b.now, 0, 0, before }

// bound cuts a line that has become too long with a character.
func (b *bounded) bound(char rune) error {
	var fault error
	switch {
	case b.at == cut:
		return nil
	case b.size > maxLine:
		fault = fmt.Errorf("want at most %d bytes", maxLine)
	case b.columns >= maxColumns:
		fault = fmt.Errorf("want at most %d columns", maxColumns)
	default:
		return nil
	}
	fault = &RowError{b.line + 1, fault}
	b.rest, b.at = nil, cut
	if char == '\n' {
		b.begin()
	}
	return fault
}
