// Package longtest keeps a contributor's `go test ./...` quick. It marks the tests that
// take several seconds: they are skipped unless [Variable] is set, as .ci/run does. With
// -short they are always skipped, so the race detector does not repeat them. The package
// also lets the tests of a package wait beside one another.
package longtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that has the long tests run, if it is not empty.
const Variable = "RATION_LONG"

// Only skips the test unless Variable is set, and skips it with -short.
func Only(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("takes several seconds: not with -short")
	}
	if os.Getenv(Variable) == "" {
		tb.Skipf("takes several seconds: set %s=1 to run it", Variable)
	}
}

// Many is the environment variable that has tests play many more rounds than .ci/run has
// time for, if it is not empty.
const Many = "RATION_MANY_ROUNDS"

// ManyRounds reports whether Many is set.
func ManyRounds() bool { return os.Getenv(Many) != "" }

// Enabled reports whether a test that is useful in a short form too runs in its long one:
// if Variable is set, and the tests do not run with -short.
func Enabled() bool { return os.Getenv(Variable) != "" && !testing.Short() }
