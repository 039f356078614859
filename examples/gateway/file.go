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

// saveEvery is how often counters are saved. If a save takes longer, the next one follows
// at once.
const saveEvery = time.Second

// file saves a memory store to disk.
type file struct {
	st   *memory.Store
	path string
	log  *slog.Logger

	unsaved atomic.Bool // whether something may not be on disk

	asked   atomic.Int64 // number of calls of save
	mu      sync.Mutex   // held while saving
	covered int64        // number of calls whose state the last save wrote
	err     error        // of the last save
}

// save returns after everything that was in the store before the call is on disk. Calls
// that arrive during a save share the next one: each save covers all calls that began
// before it.
func (f *file) save() error {
	mine := f.asked.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.covered < mine {
		f.covered = f.asked.Load()
		f.unsaved.Store(false) // before Save, so that a change during Save is not lost
		if f.err = f.st.Save(f.path); f.err != nil {
			f.unsaved.Store(true) // run tries again
		}
	}
	return f.err
}

// run saves until ctx is done. It saves counters, changes that could not be saved before,
// and what a request that was refused half-way has changed.
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
			f.log.Error("gateway: saving the file failed", "error", err)
		}
	}
}

// sweep removes the temporary files that a killed gateway left behind. It removes only
// regular files with the names that memory.Store.Save gives.
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

// counting returns a handler that marks the file as unsaved for each request that the
// middleware passed on, since that request was charged.
func (f *file) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.unsaved.Store(true)
		next.ServeHTTP(w, r)
	})
}

// changing returns a handler that saves a change before it is answered.
func (f *file) changing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w = &saving{ResponseWriter: w, file: f}
		}
		next.ServeHTTP(w, r)
	})
}

// saving is a ResponseWriter that saves the file before it sends a success. If the save
// fails, it sends an error instead.
type saving struct {
	http.ResponseWriter
	file   *file
	failed bool
}

const inForce = `{"message":"The change is in force, but could not be saved"}`

// WriteHeader saves the file and begins the response.
//
// A refusal saves nothing. Otherwise clients without credentials could make the gateway
// write the file again and again. If a refused request has changed something, run saves
// it.
//
// A change that could not be saved is answered with a 507. The AWS SDKs do not retry this
// status: each retry would create another key.
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
	s.file.log.Error("gateway: saving a change failed", "error", err)
	s.Header().Set("Content-Type", "application/json")
	s.Header().Set("X-Amzn-Errortype", "InternalFailure")
	s.ResponseWriter.WriteHeader(http.StatusInsufficientStorage)
	_, _ = io.WriteString(s.ResponseWriter, inForce) // fails if the client is gone
}

// Write writes p, unless WriteHeader has replaced the answer. It then discards p.
func (s *saving) Write(p []byte) (int, error) {
	if s.failed {
		return len(p), nil
	}
	return s.ResponseWriter.Write(p)
}
