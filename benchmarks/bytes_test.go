package benchmarks

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/memory"
)

// TestBytes measures the memory that each of a million live subjects takes. It includes
// the bytes of the key if the library keeps them. httprate keeps 8 bytes of hash instead.
//
// Run it with -v to see the table. Without -v it uses fewer subjects.
func TestBytes(t *testing.T) {
	n := 1_000_000
	if !testing.Verbose() {
		n = 100_000
	}
	keys := names(n)
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d subjects\tbytes each\tobjects each\t\n", n)
	row := func(name string, open func(tb testing.TB) decide) (bytes float64) {
		bytes, objects := heapOf(t, keys, open)
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t\n", name, bytes, objects)
		return bytes
	}
	for _, impl := range throttles {
		bytes := row(impl.name, func(tb testing.TB) decide { return impl.open(tb, limit{100, time.Hour}) })
		require.Greater(t, bytes, 8.0, impl.name)
	}
	bytes := row("ration: bucket, quota, record", func(testing.TB) decide {
		return plan(memory.New(memory.Config{}), meters(time.Now()), time.Time{})
	})
	require.NoError(t, table.Flush())
	t.Log("\n" + text.String())
	require.Less(t, bytes, 200.0, "ration: bucket, quota, record")
}

// heapOf returns by how much the heap has grown for each key after two decisions about
// each key.
func heapOf(t *testing.T, keys []string, open func(tb testing.TB) decide) (bytes, objects float64) {
	t.Run("", func(t *testing.T) { // ends what open starts
		before := heap()
		decide := open(t)
		for _, key := range keys {
			if err := touch(t.Context(), decide, key, 2); err != nil {
				t.Fatal(err)
			}
		}
		after := heap()
		runtime.KeepAlive(keys)
		runtime.KeepAlive(decide)
		bytes = growth(before.HeapAlloc, after.HeapAlloc, len(keys))
		objects = growth(before.HeapObjects, after.HeapObjects, len(keys))
	})
	return bytes, objects
}

// heap returns the memory in use. Pools release their objects at the second collection. A
// finalizer may stop a goroutine that has held memory until then, so heap waits for the
// finalizers of each collection.
func heap() (m runtime.MemStats) {
	for range 3 {
		finalized := make(chan struct{})
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { close(finalized) })
		runtime.GC()
		<-finalized
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// growth returns the growth of a figure for each of n keys. It is negative if the figure
// has fallen.
func growth(before, after uint64, n int) float64 { return float64(int64(after-before)) / float64(n) }
