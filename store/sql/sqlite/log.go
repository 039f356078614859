package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The log begins anew only at a moment in which all of it is in the file and nobody reads
// it. While readers take turns without a pause, that moment does not come by itself, and
// the log would grow until the disk is full.
const (
	// maxLog is how large the log may grow before restartLog makes it begin anew. It is also
	// the journal_size_limit, to which SQLite cuts a log that was larger. So a log that is
	// larger has grown since.
	maxLog = 64 << 20

	// logWait is how long restartLog waits for readers. Most read for a millisecond.
	logWait = 100 * time.Millisecond

	// logPause is how long restartLog leaves the log alone after it has waited in vain. A
	// backup may read for hours, and charges must not wait for it each time.
	logPause = 10 * time.Second
)

// restartLog makes a log that has grown too large begin anew. It waits for the readers of
// the log. Those that come meanwhile read the file. It is called after a change, which
// stands whatever comes of the log.
func (w *writer) restartLog() {
	info, err := os.Stat(w.log)
	if err != nil || info.Size() <= maxLog || time.Since(w.waited) < logPause {
		return
	}
	ctx := context.Background()
	var inVain bool
	var frames, copied int
	_, err = w.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", logWait.Milliseconds()))
	if err == nil {
		err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(RESTART)").Scan(&inVain, &frames, &copied)
	}
	if inVain || err != nil {
		w.waited = time.Now()
	}
	if _, busyErr := w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil || busyErr != nil {
		w.disconnect()
	}
}

// logOf returns the path of the log. SQLite follows symbolic links before it names it.
func logOf(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	return path + "-wal", err
}
