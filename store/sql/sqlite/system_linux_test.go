package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestReadOnly opens files that this user must not write, or whose folder has no room for
// a log that it may write.
func TestReadOnly(t *testing.T) {
	if os.Getuid() == 0 && os.Getenv(againVariable) == "" {
		asNobody(t)
		return
	}
	for name, test := range map[string]struct {
		file, folder os.FileMode
		there        bool // the file exists
		logged       bool // another process has the file open
		says         string
	}{
		"new file, folder":       {0, 0o500, false, false, "permission denied"},
		"file":                   {0o400, 0o700, true, false, "the file or its folder cannot be written"},
		"folder":                 {0o600, 0o500, true, false, "cannot be"},
		"file and folder":        {0o400, 0o500, true, false, "cannot be"},
		"file that is in use":    {0o400, 0o700, true, true, "the file or its folder cannot be written"},
		"unreadable file":        {0o200, 0o700, true, false, "cannot be opened"},
		"folder without passing": {0o600, 0o600, true, false, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "ration.db")
			if test.there {
				s := open(t, path, sqlite.Config{})
				require.NoError(t, take(t, s, "key", 1, day))
				if !test.logged {
					require.NoError(t, s.Close())
				}
				require.NoError(t, os.Chmod(path, test.file))
			}
			require.NoError(t, os.Chmod(dir, test.folder))
			defer os.Chmod(dir, 0o700)
			_, err := sqlite.Open(path, sqlite.Config{})
			require.ErrorContains(t, err, "store/sqlite: open ")
			require.ErrorContains(t, err, test.says)
		})
	}
}

// againVariable is set in a process that runs a test again.
const againVariable = "RATION_TEST_AGAIN"

// asNobody runs the test again as a user who is not root, since root may write
// everything.
func asNobody(t *testing.T) {
	const nobody = 65534
	dir := t.TempDir()
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	binary := filepath.Join(dir, "sqlite.test")
	require.NoError(t, os.WriteFile(binary, program, 0o755))
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	room := filepath.Join(dir, "room")
	require.NoError(t, os.Mkdir(room, 0o700))
	require.NoError(t, os.Chown(room, nobody, nobody))
	cmd := exec.Command(binary, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = room
	cmd.Env = append(os.Environ(), againVariable+"=1", "TMPDIR="+room)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("cannot run a program as another user: ", err)
	}
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestReadOnly/file_and_folder")
}

// TestFailingDisk lets writes to the log fail at COMMIT, so that nobody knows whether the
// charge would be found after a crash. Such a charge is not reported as not taken. No
// answered one is lost, and the Store goes on when the disk does.
func TestFailingDisk(t *testing.T) {
	if os.Getenv(againVariable) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), againVariable+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestFailingDisk")
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	path := filepath.Join(t.TempDir(), "ration.db")
	s := open(t, path, sqlite.Config{})
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	whole := limit.Cur
	limit.Cur = uint64(info.Size()) + 100_000
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))

	answered, err := fillUp(t, s)
	require.NotErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "store/sqlite: take: the disk failed")
	require.Positive(t, answered)
	limit.Cur = whole
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	isKept(t, s, answered)
	require.NoError(t, take(t, s, "another", 1, day))
	require.NoError(t, s.Close())
	s = open(t, path, sqlite.Config{})
	require.NoError(t, s.Verify(t.Context()))
	isKept(t, s, answered)
	require.Equal(t, int64(1), used(t, s, "another", day))
}

// TestFullDisk fills a disk. What was answered is there, what was not answered is not,
// and the Store goes on when there is room again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a small disk: ", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	path := filepath.Join(dir, "ration.db")
	s := open(t, path, sqlite.Config{})
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 300_000), 0o600))

	answered, err := fillUp(t, s)
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "the disk is full")
	require.Greater(t, answered, 10)
	isKept(t, s, answered)

	require.NoError(t, os.Remove(ballast))
	for i := range 5 {
		require.NoError(t, take(t, s, fmt.Sprint("subject ", answered+i), 1, day))
	}
	isKept(t, s, answered+5)
	require.NoError(t, s.Verify(t.Context()))
	require.NoError(t, s.Close())
	isKept(t, open(t, path, sqlite.Config{}), answered+5)
	t.Logf("%d charges were answered before the disk was full", answered)
}
