//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// locks says whether lock keeps a second gateway out.
const locks = true

// lock takes a lock file for this process, which gives it back when it ends, however it
// ends.
func lock(path string) (unlock func() error, err error) {
	if err := sole(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another gateway has it"), err, f.Close())
	}
	if err := stays(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// stays reports an error if path is not the open file any more: then others lock another
// one.
func stays(f *os.File, path string) error {
	here, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err == nil && !os.SameFile(here, there) {
		err = errors.New(path + ": replaced while it was locked: want it left alone")
	}
	return err
}

// names is how many names a file has.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}
