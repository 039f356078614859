package sqlite_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestDamaged overwrites the beginning of pages. Subjects on other pages are charged
// rightly, and no subject on a damaged one starts anew.
func TestDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	const subjects = 2000
	for i := range subjects {
		require.NoError(t, take(t, s, fmt.Sprintf("subject %0100d", i), int64(i%100)+1, day))
	}
	require.NoError(t, s.Verify(t.Context()))
	require.NoError(t, s.Close())

	overwrite(t, path, func(page []byte, number int) {
		if isLeaf := page[0] == 10; isLeaf && number > 20 && number%10 == 7 {
			copy(page, "\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00")
		}
	})
	s = open(t, path, sqlite.Config{})
	require.ErrorContains(t, s.Verify(t.Context()), "store/sqlite: verify: ")
	charge := func(i int, n int64) (isDamaged bool) {
		c := store.NewCharge(fmt.Sprintf("subject %0100d", i), n, day)
		err := s.Take(t.Context(), c)
		if err != nil {
			assert.ErrorIs(t, err, store.ErrNotTaken)
			assert.ErrorContains(t, err, "the file is damaged: restore it from a backup")
			return true
		}
		assert.Equal(t, int64(i%100)+1+n, c.Parts[0].Levels[0].Used, "subject %d", i)
		return false
	}
	var isDamaged [subjects]bool
	for i := range subjects {
		isDamaged[i] = charge(i, 0)
	}
	// All at once, so that sound subjects share transactions with damaged ones.
	var wg sync.WaitGroup
	for i := range subjects {
		wg.Go(func() { assert.Equal(t, isDamaged[i], charge(i, 1), "subject %d", i) })
	}
	wg.Wait()
	damaged := len(slices.DeleteFunc(isDamaged[:], func(is bool) bool { return !is }))
	require.Greater(t, damaged, 10)
	require.Less(t, damaged, subjects/2)
	t.Logf("%d of %d subjects are on a damaged page", damaged, subjects)
}

// overwrite changes the pages of a closed file.
func overwrite(t *testing.T, path string, change func(page []byte, number int)) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	page := make([]byte, 4096)
	for number := 2; ; number++ {
		at := int64(number-1) * int64(len(page))
		if _, err := f.ReadAt(page, at); err == io.EOF {
			return
		}
		change(page, number)
		_, err = f.WriteAt(page, at)
		require.NoError(t, err)
	}
}

// TestDamagedHeader damages the first page, without which nothing can be read.
func TestDamagedHeader(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int64{"magic": 0, "page size": 16, "schema": 100} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder(t), "ration.db")
			s := open(t, path, sqlite.Config{})
			require.NoError(t, take(t, s, "key", 1, day))
			require.NoError(t, s.Close())
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("\xff\x00\xff"), at)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			_, err = sqlite.Open(path, sqlite.Config{})
			require.ErrorContains(t, err, "damaged")
		})
	}
}

// TestReplaced removes, renames and replaces files that are open. Charges fail then,
// since they would be lost. Those that were answered are where the file is.
func TestReplaced(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed")
	}
	for name, test := range map[string]struct {
		change func(path, aside string) error
		says   string
	}{
		"removed": {func(path, _ string) error { return os.Remove(path) }, "the file was removed while it was open"},
		"renamed": {os.Rename, "the file was removed while it was open"},
		"replaced": {func(path, aside string) error {
			return errors.Join(os.Rename(path, aside), os.WriteFile(path, nil, 0o600))
		}, "the file was replaced while it was open"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			path, aside := filepath.Join(dir, "ration.db"), filepath.Join(dir, "aside.db")
			s := open(t, path, sqlite.Config{})
			require.NoError(t, take(t, s, "key", 1, day))
			require.NoError(t, test.change(path, aside))
			for range 2 {
				err := take(t, s, "key", 1, day)
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, test.says)
			}
			info, err := os.Stat(path)
			require.True(t, err != nil || info.Size() == 0, "a new file was made")
		})
	}
}

// TestChangedByHand changes the tables by other means.
func TestChangedByHand(t *testing.T) {
	t.Parallel()
	bucket := store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}
	for name, test := range map[string]struct {
		change string
		says   string // "" if the change itself is refused
	}{
		"text for a number": {"UPDATE ration_windows SET used = 'many'", ""},
		"negative":          {"UPDATE ration_windows SET used = -1", ""},
		"too many tokens":   {"UPDATE ration_buckets SET tokens = 1 << 53", ""},
		"text for bytes":    {"UPDATE ration_windows SET subject = 'key'", ""},
		"unchecked window": {"PRAGMA ignore_check_constraints = 1; UPDATE ration_windows SET used = -1",
			`a row that was changed by other means: table ration_windows, subject "key", name "day"`},
		"unchecked bucket": {"PRAGMA ignore_check_constraints = 1; UPDATE ration_buckets SET per = 0",
			`a row that was changed by other means: table ration_buckets, subject "key", name "rate"`},
		"no table":  {"DROP VIEW ration_windows_readable; DROP TABLE ration_windows", "no such table: ration_windows"},
		"no column": {"DROP VIEW ration_windows_readable; ALTER TABLE ration_windows DROP COLUMN last_span", ""},
		"renamed":   {"ALTER TABLE ration_windows RENAME COLUMN extra TO bonus", "no such column: extra"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder(t), "ration.db")
			s := open(t, path, sqlite.Config{})
			require.NoError(t, take(t, s, "key", 1, day, bucket))
			_, err := other(t, path).Exec(test.change)
			if test.says == "" {
				require.Error(t, err)
				require.NoError(t, take(t, s, "key", 1, day, bucket))
				return
			}
			require.NoError(t, err)
			for _, n := range []int64{0, 1} {
				err := take(t, s, "key", n, day, bucket)
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, test.says)
			}
		})
	}
}
