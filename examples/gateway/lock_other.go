//go:build !unix

package main

// lock is nothing where there is no flock.
func lock(string) (unlock func() error, err error) { return func() error { return nil }, nil }
