package benchmarks

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// forgetful is a Counter that admits everything and keeps nothing.
type forgetful struct{}

func (forgetful) Take(_ context.Context, c *store.Charge) error {
	c.OK = true
	return nil
}

// TestCacheBytes measures what a key takes in the cache of a Gate, with no, one, two and
// three groups above it. The keys of a group share what the Gate knows of the group.
//
// Run it with -v to see the table. Without -v it uses fewer keys.
func TestCacheBytes(t *testing.T) {
	n := 200_000
	if !testing.Verbose() {
		n = 20_000
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d keys, groups above\tbytes each\tobjects each\t\n", n)
	var all []float64
	for groups := range 4 {
		bytes, objects := cacheOf(t, n, groups)
		fmt.Fprintf(table, "%d\t%.0f\t%.2f\t\n", groups, bytes, objects)
		all = append(all, bytes)
	}
	require.NoError(t, table.Flush())
	t.Log("\n" + text.String())
	require.Less(t, all[0], 700.0, "a key without a group")
	require.Less(t, all[1]-all[0], 100.0, "what a group adds")
	require.InDelta(t, all[1], all[3], 16, "further groups add nothing")
}

// cacheOf returns by how much the heap grows for each key that a Gate has in its cache.
func cacheOf(t *testing.T, n, groups int) (bytes, objects float64) {
	st := memory.New(memory.Config{})
	secrets := fillStore(t, st, n, groups)
	before := heap()
	g := openCached(t, st, forgetful{})
	for _, secret := range secrets {
		d, err := g.Admit(t.Context(), gate.Request{Secret: apikey.Secret(secret)})
		require.NoError(t, err)
		require.True(t, d.Allowed)
	}
	after := heap()
	runtime.KeepAlive(secrets)
	runtime.KeepAlive(st)
	runtime.KeepAlive(g)
	return growth(before.HeapAlloc, after.HeapAlloc, n), growth(before.HeapObjects, after.HeapObjects, n)
}
