// Package longtest marks tests that take several seconds. Without [Variable] they are
// skipped, so that a contributor's `go test ./...` is quick; .ci/run sets it.
package longtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that has the long tests run, if it is not empty.
const Variable = "RATION_LONG"

// Only skips the test unless Variable is set.
func Only(tb testing.TB) {
	tb.Helper()
	if os.Getenv(Variable) == "" {
		tb.Skipf("takes several seconds: set %s=1 to run it", Variable)
	}
}
