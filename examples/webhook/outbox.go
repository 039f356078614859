package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/alert"
)

// An Outbox keeps Events on disk until they are delivered, one file for each. The name of
// a file is the ID of the Event, so a repeat is found without being read:
//
//	evt_0a1b.json  waits for delivery
//	evt_0a1b.sent  was delivered, and is kept until its window has ended
//	evt_0a1b.tmp   was being written when the process ended
//
// An Outbox is for one process. A service with several processes gives each of them a
// directory of its own. A receiver then drops what two of them send.
type Outbox struct {
	dir  string
	most int // Events that wait

	mu      sync.Mutex
	waiting map[string]alert.Event
	sent    map[string]time.Time // when the window of an Event ends
	pruneAt time.Time
	changed chan struct{} // see Changed
}

// errFull says that an Outbox has as many Events as it may have.
var errFull = errors.New("webhook: the outbox is full")

const (
	waitingSuffix = ".json"
	sentSuffix    = ".sent"
	partSuffix    = ".tmp"
)

// OpenOutbox opens the Outbox in a directory, which it makes if there is none. At most so
// many Events wait there.
func OpenOutbox(dir string, most int) (*Outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("webhook: outbox: %w", err)
	}
	o := &Outbox{dir: dir, most: most, waiting: map[string]alert.Event{}, sent: map[string]time.Time{}, changed: make(chan struct{})}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("webhook: outbox: %w", err)
	}
	for _, entry := range entries {
		if err := o.load(entry.Name()); err != nil {
			return nil, fmt.Errorf("webhook: outbox: %s: %w", entry.Name(), err)
		}
	}
	o.prune(time.Now())
	return o, nil
}

// load reads a file of an earlier process. A file that was not finished is removed: its
// Event was not accepted.
func (o *Outbox) load(name string) error {
	suffix := filepath.Ext(name)
	if suffix == partSuffix {
		return os.Remove(filepath.Join(o.dir, name))
	}
	if suffix != waitingSuffix && suffix != sentSuffix {
		return nil // not a file of an Outbox
	}
	text, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		return err
	}
	var e alert.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	if id := strings.TrimSuffix(name, suffix); suffix == sentSuffix {
		o.sent[id] = e.End
	} else {
		o.waiting[id] = e
	}
	return nil
}

// Put keeps an Event, and returns when it is on disk. It ignores an Event that waits or
// that was delivered. Without room it returns errFull.
func (o *Outbox) Put(e alert.Event) error {
	if !isID(e.ID) {
		return fmt.Errorf("webhook: outbox: id: %.80q: want 1 to 64 ASCII letters, digits and '_'", e.ID)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, waits := o.waiting[e.ID]
	if _, sent := o.sent[e.ID]; waits || sent {
		return nil
	}
	if len(o.waiting) >= o.most {
		return errFull
	}
	if err := o.write(e); err != nil {
		return fmt.Errorf("webhook: outbox: %w", err)
	}
	o.waiting[e.ID] = e
	o.signal()
	return nil
}

// isID reports whether an ID can be the name of a file.
func isID(id string) bool {
	strange := func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_'
	}
	return len(id) >= 1 && len(id) <= 64 && !strings.ContainsFunc(id, strange)
}

// write writes a file under another name first, so a file with the right name is whole.
func (o *Outbox) write(e alert.Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	part := filepath.Join(o.dir, e.ID+partSuffix)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, o.path(e.ID, waitingSuffix)); err != nil {
		return err
	}
	return o.sync()
}

// sync has the names of the files survive a loss of power. Windows cannot do this for a
// directory.
func (o *Outbox) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(o.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (o *Outbox) path(id, suffix string) string { return filepath.Join(o.dir, id+suffix) }

// Next returns the waiting Event that is due first, and when, as due says of each. Of
// those that are due at one time the oldest comes first. It returns false if none waits.
func (o *Outbox) Next(due func(alert.Event) time.Time) (first alert.Event, at time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.waiting {
		if t := due(e); !ok || t.Before(at) || t.Equal(at) && e.At.Before(first.At) {
			first, at, ok = e, t, true
		}
	}
	return first, at, ok
}

// Changed returns a channel that is closed when an Event is put in or is done.
func (o *Outbox) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// signal closes the channel of Changed. The caller holds the lock.
func (o *Outbox) signal() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// Done notes that an Event was delivered or given up. If the process crashes before, the
// Event is delivered once more, with the same ID.
func (o *Outbox) Done(e alert.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := os.Rename(o.path(e.ID, waitingSuffix), o.path(e.ID, sentSuffix)); err != nil {
		return fmt.Errorf("webhook: outbox: %w", err)
	}
	delete(o.waiting, e.ID)
	o.sent[e.ID] = e.End
	o.signal()
	o.prune(time.Now())
	return nil
}

const (
	maxSent    = 100_000   // delivered Events that are remembered
	pruneEvery = time.Hour // how often those of ended windows are looked for
)

// prune forgets delivered Events whose window has ended, since they are not fired again.
// It forgets others if there are too many: their repeats are delivered, and the receiver
// drops them. The caller holds the lock.
func (o *Outbox) prune(now time.Time) {
	if now.Before(o.pruneAt) && len(o.sent) <= maxSent {
		return
	}
	o.pruneAt = now.Add(pruneEvery)
	for id, end := range o.sent {
		if end.Before(now) || len(o.sent) > maxSent {
			_ = os.Remove(o.path(id, sentSuffix)) // the next prune after a restart finds it
			delete(o.sent, id)
		}
	}
}
