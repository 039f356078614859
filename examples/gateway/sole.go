package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// sole refuses what is no regular file, and a file that has another name than path:
// through that one a second gateway would get the same counts, and its saves would part
// the two. A file that does not exist is good.
func sole(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		err = errors.New("a symbolic link: want the file itself")
	case mode.IsDir():
		err = errors.New("a directory: want a regular file")
	case !mode.IsRegular():
		err = fmt.Errorf("mode %v: want a regular file", mode)
	case names(info) > 1:
		err = fmt.Errorf("%d hard links: want a file with one name", names(info))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
