package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// sole returns an error if path is not a regular file, or if the file has another name.
// Through another name a second gateway could load the same counts. Its saves would then
// replace only its own name, and the two files would differ. A file that does not exist
// is accepted.
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
