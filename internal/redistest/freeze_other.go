//go:build !unix

package redistest

import "testing"

// Freeze skips the test: only Unix can stop a process and continue it.
func (c *Cluster) Freeze(t testing.TB, _ int) (thaw func()) {
	t.Skip("stopping a process needs SIGSTOP")
	return func() {}
}
