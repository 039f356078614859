//go:build !linux

package pgtest

import "os/exec"

// startBound starts a server.
func startBound(cmd *exec.Cmd) error { return cmd.Start() }

// childrenOf returns nothing: without their parent the processes of a server end by
// themselves, a little later.
func childrenOf(int) []int { return nil }
