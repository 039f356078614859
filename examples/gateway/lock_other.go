//go:build !unix

package main

import "io/fs"

// locks says whether lock keeps a second gateway out.
const locks = false

// lock is nothing where there is no flock.
func lock(string) (unlock func() error, err error) { return func() error { return nil }, nil }

// names is 1: how many names a file has is not known here.
func names(fs.FileInfo) uint64 { return 1 }
