//go:build unix

package redistest

import (
	"syscall"
	"testing"
)

// Freeze stops the process of the primary that has a slot, like a machine that hangs. Its
// connections stay open, and new ones are accepted. Nothing is answered until thaw is
// called or the test ends.
func (c *Cluster) Freeze(t testing.TB, slot int) (thaw func()) {
	t.Helper()
	process := c.owner(t, slot).cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	thaw = func() { _ = process.Signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	return thaw
}
