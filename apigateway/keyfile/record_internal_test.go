package keyfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// FuzzRecordReader reads the same records with and without a recordReader, whatever parts
// the file comes in. The recordReader knows the line in which each record begins.
func FuzzRecordReader(f *testing.F) {
	for _, text := range []string{
		"name,key\na,b\n", "\"a\nb\",c\r\nd,\"e\"\"\n,\"\n", "a\"b,\"c\nd\n", "\"a\"b,\"c\nd,\"e\n\"",
		"\"a\"\r\"b\nc", " \u00a0\"a\n\",b", "\xff\"a\n,\",b\n", "\"a\" ,b\n", "a, \t,\n\n,",
		"\r\n\n\r\r\na\n\r", "\n\n\"\n\",a\n\nb",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxBytes || strings.Count(text, ",") > maxCommas {
			t.Skip("may break a bound")
		}
		for _, file := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			records := &recordReader{text: bufio.NewReader(file), line: 1}
			got := csv.NewReader(records)
			want := csv.NewReader(strings.NewReader(text))
			for _, r := range []*csv.Reader{got, want} {
				r.FieldsPerRecord = -1
				r.TrimLeadingSpace = true
			}
			for {
				records.begin()
				record, err := got.Read()
				wanted, wantedErr := want.Read()
				require.Equal(t, wanted, record)
				require.Equal(t, wantedErr, err)
				require.Equal(t, want.InputOffset(), got.InputOffset())
				if err == io.EOF {
					break
				}
				start := startLine(got, err)
				require.Equal(t, start, records.start)
			}
		}
	})
}

// startLine returns the line in which the last record began.
func startLine(r *csv.Reader, err error) int {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return syntax.StartLine
	}
	line, _ := r.FieldPos(0)
	return line
}
