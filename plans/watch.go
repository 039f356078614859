package plans

import (
	"context"
	"os"
	"time"
)

// DefaultInterval is how often Watch looks at a file by default.
const DefaultInterval = 2 * time.Second

// Watch calls changed after each change of a file, until ctx is done. It looks at the
// time, the size and the identity of the file every interval, which is DefaultInterval if
// it is 0. It follows symbolic links, so it sees the changes of a Kubernetes ConfigMap.
//
// Watch calls changed when two looks have found the same file, so that a file is not read
// while an editor writes it. The first call comes after the first interval, because the
// file may have changed since the caller read it. If changed returns an error, Watch
// calls it again after the next interval. A file that is missing is not a change.
func Watch(ctx context.Context, path string, interval time.Duration, changed func(context.Context) error) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var done os.FileInfo // what changed has seen
	last, _ := os.Stat(path)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := os.Stat(path)
		if err == nil && same(now, last) && !same(now, done) && changed(ctx) == nil {
			done = now
		}
		last = now
	}
}

// same reports whether two looks have found the same file.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
