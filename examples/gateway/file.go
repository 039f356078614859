package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store/memory"
)

// saveEvery is how often counters are saved. A save that takes longer is followed by the
// next at once.
const saveEvery = time.Second

// file keeps a memory store on disk.
type file struct {
	st   *memory.Store
	path string
	log  *slog.Logger

	unsaved atomic.Bool // something may not be on disk

	asked   atomic.Int64 // how often save was called
	mu      sync.Mutex   // of one that saves
	covered int64        // those calls of which the last saving knew
	err     error        // of it
}

// save returns when what was there before it was called is on disk. Those who call it
// meanwhile share the next one's work.
func (f *file) save() error {
	mine := f.asked.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.covered < mine {
		f.covered = f.asked.Load()
		f.unsaved.Store(false)
		if f.err = f.st.Save(f.path); f.err != nil {
			f.unsaved.Store(true) // again in a second
		}
	}
	return f.err
}

// run saves what there is to save: counters, and changes that were not, or were refused
// half-way.
func (f *file) run(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !f.unsaved.Load() {
			continue
		}
		if err := f.save(); err != nil {
			f.log.Error("not saved", "error", err)
		}
	}
}

// sweep removes what a gateway that was killed while it saved has left behind, and
// nothing of another name.
func (f *file) sweep() error {
	dir, name := filepath.Dir(f.path), filepath.Base(f.path)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), name+".tmp")
		if ok && number != "" && strings.Trim(number, "0123456789") == "" && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// counting notes, of requests that were charged, that there is something to save.
func (f *file) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.unsaved.Store(true)
		next.ServeHTTP(w, r)
	})
}

// changing saves a change before its success is answered.
func (f *file) changing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w = &saving{ResponseWriter: w, file: f}
		}
		next.ServeHTTP(w, r)
	})
}

// saving is a response whose success is not begun before the file is saved, and is an
// error if it could not be.
type saving struct {
	http.ResponseWriter
	file   *file
	failed bool
}

const inForce = `{"message":"The change is in force, but could not be saved"}`

// WriteHeader begins the response. A refusal saves nothing, or those who are not let in
// could have the file written again and again; what it may have left half-way, run saves.
// A change that could not be saved has a status at which clients do not try again by
// themselves: each time would make another key.
func (s *saving) WriteHeader(status int) {
	var err error
	if status < http.StatusBadRequest {
		err = s.file.save()
	}
	if err == nil {
		s.ResponseWriter.WriteHeader(status)
		return
	}
	s.failed = true
	s.file.log.Error("a change is not saved", "error", err)
	s.Header().Set("Content-Type", "application/json")
	s.Header().Set("X-Amzn-Errortype", "InternalFailure")
	s.ResponseWriter.WriteHeader(http.StatusInsufficientStorage)
	_, _ = io.WriteString(s.ResponseWriter, inForce) // the client may be gone
}

// Write passes on the answer, unless there is another.
func (s *saving) Write(p []byte) (int, error) {
	if s.failed {
		return len(p), nil
	}
	return s.ResponseWriter.Write(p)
}
