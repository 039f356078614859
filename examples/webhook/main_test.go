package main

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShow runs the command.
func TestShow(t *testing.T) {
	var out lockedBuffer // the program and its logger write to it
	require.NoError(t, show(t.Context(), &out, t.TempDir()))
	for _, want := range []string{
		"used 5 of 10 requests of the year: 50%", "used 8 of 10 requests of the year: 80%", "used 10 of 10 requests of the year: 100%",
		"alerts cannot be delivered", "alerts are delivered again",
	} {
		require.Contains(t, out.String(), want)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}
