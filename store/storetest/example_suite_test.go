package storetest_test

import (
	"testing"
	"testing/synctest"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// TestMapCounter runs the suite on the counter of the example.
func TestMapCounter(t *testing.T) {
	storetest.TestCounter(t, storetest.Harness{
		New:    func(testing.TB) store.Counter { return newMapCounter() },
		Bubble: synctest.Test,
	})
}
