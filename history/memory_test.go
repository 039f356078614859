package history_test

import (
	"testing"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/storetest"
)

// TestMemory checks a Memory against the contract of a Store.
func TestMemory(t *testing.T) {
	storetest.TestHistory(t, storetest.Directory[history.Store]{
		New: func(testing.TB) history.Store { return history.NewMemory(storetest.HistoryBounds()) },
	})
}
