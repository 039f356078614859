package apikey

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

// FuzzBounded: what is within the bounds is read as it is, and encoding/csv finds the same lines in it, of as many columns.
func FuzzBounded(f *testing.F) {
	for _, text := range []string{
		"name,key\na,b\n", "\"a\nb\",c\r\nd,\"e\"\"\n,\"\n", "a\"b,\"c\nd\n", "\"a\"b,\"c\nd,\"e\n\"", "\"a\"\r\"b\nc", " \u00a0\"a\n\",b", "\xff\"a\n,\",b\n", "\"a\" ,b\n", "a, \t,\n\n,",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxLine || strings.Count(text, ",") >= maxColumns {
			t.Skip("may break a bound")
		}
		b := &bounded{text: bufio.NewReader(iotest.OneByteReader(strings.NewReader(text)))}
		columns := map[int]int{} // by line
		var read []byte
		for one := [1]byte{}; ; {
			n, err := b.Read(one[:])
			read = append(read, one[:n]...)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			columns[b.line+1] = b.columns + 1
		}
		require.Equal(t, text, string(read))
		r := csv.NewReader(strings.NewReader(text))
		r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
		for {
			record, err := r.Read()
			if err == io.EOF {
				return
			}
			if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
				require.Contains(t, columns, syntax.StartLine)
				continue
			}
			require.NoError(t, err)
			line, _ := r.FieldPos(0)
			require.Equal(t, len(record), columns[line], "line %d", line)
		}
	})
}
