package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLineIsBounded has callers come and leave while no batch begins, as when a database
// is silent. The line keeps few of the items of callers that have left.
func TestLineIsBounded(t *testing.T) {
	var l line[string, string]
	for range 10 {
		l.push(&Item[string, string]{})
	}
	for range 1000 {
		item := &Item[string, string]{}
		l.push(item)
		l.giveUp(item)
		require.Equal(t, 10, l.length())
		require.LessOrEqual(t, len(l.items), 21)
	}
	require.Len(t, l.next(nil, 128, 512), 10)
	require.Zero(t, l.length())
}

// TestGoneWeighsNothing checks that an item whose caller has left ends no batch.
func TestGoneWeighsNothing(t *testing.T) {
	var l line[string, string]
	items := map[string]*Item[string, string]{}
	for name, weight := range map[string]int{"a": 1, "heavy": 100, "b": 1} {
		items[name] = &Item[string, string]{Request: name, weight: weight}
	}
	for _, name := range []string{"a", "heavy", "b"} {
		l.push(items[name])
	}
	l.giveUp(items["heavy"])
	require.Equal(t, []*Item[string, string]{items["a"], items["b"]}, l.next(nil, 128, 10))
}
