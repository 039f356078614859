//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// locks reports whether lock can keep a second gateway out.
const locks = true

// lock locks a lock file for this process. The system releases the lock when the process
// ends, even if it is killed.
func lock(path string) (unlock func() error, err error) {
	if err := sole(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another gateway uses the file"), err, f.Close())
	}
	if err := stays(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// stays returns an error if path no longer names the open file. Other gateways would then
// lock another file.
func stays(f *os.File, path string) error {
	here, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err == nil && !os.SameFile(here, there) {
		err = errors.New(path + ": was replaced while it was being locked")
	}
	return err
}

// names returns the number of a file's names, which is its number of hard links.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}
