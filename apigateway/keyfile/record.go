package keyfile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// The bounds of a record, which is a row with all its lines. encoding/csv has no bounds
// and allocates more than 100 bytes for each comma. Every row that apikey.Service.Import
// accepts fits: a description has at most 125,000 characters, which are at most 500,000
// bytes.
const (
	maxBytes  = 1 << 20
	maxCommas = 1 << 17
)

var errTooLarge = fmt.Errorf("want at most %d bytes and %d commas", maxBytes, maxCommas)

// recordReader hands a file to a csv.Reader and bounds each record. The caller calls
// begin before each record. One Read never returns parts of two lines, so the csv.Reader
// never reads past the record that it parses, and all that follows a begin is of one
// record.
type recordReader struct {
	text  *bufio.Reader
	line  int // the line of the file that Read is in, from 1
	start int // the line in which the record begins

	bytes  int  // of the record
	commas int  // of the record
	first  byte // of the record
}

// begin starts a record in the line that comes next.
func (r *recordReader) begin() {
	r.start = r.line
	r.bytes = 0
	r.commas = 0
}

// Read returns the next part of a line. If the record breaks a bound, Read skips the
// rest of the line and returns a *RowError. The next Read begins with the line after it.
func (r *recordReader) Read(p []byte) (int, error) {
	if _, err := r.text.Peek(1); err != nil {
		return 0, err
	}
	part, _ := r.text.Peek(min(len(p), r.text.Buffered()))
	if end := bytes.IndexByte(part, '\n'); end >= 0 {
		part = part[:end+1]
	}

	if r.bytes == 0 {
		r.first = part[0]
	}
	r.bytes += len(part)
	r.commas += bytes.Count(part, []byte{','})
	if r.bytes > maxBytes || r.commas > maxCommas {
		return 0, r.skipLine()
	}

	n := copy(p, part)
	if part[n-1] == '\n' {
		r.line++
		if r.blank() {
			r.begin()
		}
	}
	_, _ = r.text.Discard(n) // the bytes are buffered
	return n, nil
}

// blank reports whether the record is a blank line, at a line's end. A csv.Reader skips
// blank lines before a record, so they do not count.
func (r *recordReader) blank() bool { return r.bytes == 1 || r.bytes == 2 && r.first == '\r' }

// skipLine skips the rest of a line and returns the fault of the record.
func (r *recordReader) skipLine() error {
	err := bufio.ErrBufferFull
	for err == bufio.ErrBufferFull {
		_, err = r.text.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return err
	}
	r.line++
	return &RowError{r.start, errTooLarge}
}
