package middleware

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestKeepText keeps texts of all lengths around that of the room in a Result. A Result
// may write its fields more than once, and a header that has the first text keeps it.
func TestKeepText(t *testing.T) {
	for n := range 80 {
		res := new(Result)
		text := []byte(strings.Repeat("x", n+1))
		first := res.keepText(text)
		res.values[1] = first
		second := res.keepText([]byte(strings.Repeat("y", n+1)))
		clear(text)
		require.Equal(t, strings.Repeat("x", n+1), first)
		require.Equal(t, strings.Repeat("y", n+1), second)
	}
}

// TestExchangeSize holds what the middleware allocates for a request to 896 bytes, a size
// class of Go's allocator. 8 of these bytes are a header, which large objects with
// pointers have.
func TestExchangeSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(exchange{}), uintptr(896-8))
}
