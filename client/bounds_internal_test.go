package client

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// manyLimits answers with 20 limits that no answer before had.
type manyLimits struct {
	mu sync.Mutex
	n  int
}

func (m *manyLimits) RoundTrip(*http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := http.Header{}
	for range 20 {
		m.n++
		h.Add("RateLimit", fmt.Sprintf(`"%d";r=1000;t=60`, m.n))
	}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// TestBounds sends requests to 3,000 hosts whose limits have ever new names. What is kept
// has its bounds.
func TestBounds(t *testing.T) {
	tr, err := New(&manyLimits{}, Config{})
	require.NoError(t, err)
	for i := range 3000 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://host-%d.example.com/", i), nil)
		require.NoError(t, err)
		resp, err := tr.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	assert.Equal(t, maxPartitions, tr.all.order.Len())
	assert.Len(t, tr.all.byKey, maxPartitions)
	for e := tr.all.order.Front(); e != nil; e = e.Next() {
		s := e.Value.(*shared)
		assert.Len(t, s.paces, maxLimits)
		assert.Zero(t, s.users)
		assert.Zero(t, s.flying)
		assert.Zero(t, s.queue.Len())
	}
	newest := tr.all.order.Front().Value.(*shared)
	assert.Equal(t, "host-2999.example.com", newest.key.host)
}

// TestBusyPartitionsStay does not evict a partition that a request uses.
func TestBusyPartitionsStay(t *testing.T) {
	ps := newPartitions(0)
	busy := ps.acquire(partitionKey{host: "busy"})
	for i := range 2 * maxPartitions {
		ps.release(ps.acquire(partitionKey{host: fmt.Sprint(i)}))
	}
	assert.Same(t, busy, ps.acquire(partitionKey{host: "busy"}))
	assert.Equal(t, 2, busy.users)
}
