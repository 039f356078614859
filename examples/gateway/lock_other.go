//go:build !unix

package main

import "io/fs"

// locks reports whether lock can keep a second gateway out.
const locks = false

// lock does nothing, since this system has no flock.
func lock(string) (unlock func() error, err error) { return func() error { return nil }, nil }

// names returns 1. The number of a file's names is not known on this system.
func names(fs.FileInfo) uint64 { return 1 }
