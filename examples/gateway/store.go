package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// A backend has the interfaces of a store that a gateway needs.
type backend interface {
	apikey.Store
	planStore
	usageplan.Notifier
	store.Counter
}

// A planStore keeps plans and groups. The gateway makes no groups, but another program on
// the same store may.
type planStore interface {
	usageplan.Store
	usageplan.GroupStore
}

// opened is an open store.
type opened struct {
	backend
	file  *file                 // the file of a memory store, or nil
	run   func(context.Context) // runs beside the servers until ctx is done; may be nil
	close func() error
}

// open opens the store that -store names.
func open(name string, log *slog.Logger) (*opened, error) {
	path, isFile := strings.CutPrefix(name, "file:")
	switch {
	case name == "memory":
		return &opened{backend: memory.New(memory.Config{}), close: func() error { return nil }}, nil
	case isFile && path != "":
		return openFile(path, log)
	case strings.Contains(name, "://"):
		return openRedis(name, log)
	}
	// The text is left out of the error, since it may contain a password.
	return nil, errors.New("-store: want memory, file:PATH or redis://HOST:PORT")
}

// openFile locks a file and loads it. The lock is on a file beside it, because each save
// replaces the file itself.
func openFile(path string, log *slog.Logger) (*opened, error) {
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("-store file:%s: %w", path, err)
	}
	if !locks {
		log.Warn("gateway: this system has no flock, so a second gateway could use the file too", "path", path)
	}
	f := &file{path: path, log: log}
	if err = sole(path); err == nil {
		f.st, err = memory.Load(path, memory.Config{})
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.st, err = memory.New(memory.Config{}), nil
	}
	if err == nil {
		f.st.OnChange(func(string) { f.unsaved.Store(true) })
		// A file that cannot be saved must stop the start, not the first change.
		err = errors.Join(f.sweep(), f.save())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("-store file:%s: %w", path, err), unlock())
	}
	return &opened{backend: f.st, file: f, run: f.run, close: func() error { return errors.Join(f.save(), unlock()) }}, nil
}

func openRedis(url string, log *slog.Logger) (*opened, error) {
	st, err := redis.Open(url, redis.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("-store: %w", err)
	}
	return &opened{
		backend: st,
		run:     func(ctx context.Context) { _ = st.Run(ctx) }, // returns only when ctx is done
		close:   func() error { st.Close(); return nil },
	}, nil
}
