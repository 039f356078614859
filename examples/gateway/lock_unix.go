//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a lock file for this process, which gives it back when it ends, however it ends.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another gateway has it"), err, f.Close())
	}
	return f.Close, nil
}
