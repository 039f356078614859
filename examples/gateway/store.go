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

// backend is what a gateway needs of a store.
type backend interface {
	apikey.Store
	usageplan.Store
	usageplan.Notifier
	store.Counter
}

// opened is a store, and what belongs to it.
type opened struct {
	backend
	file  *file                 // that it is kept in; nil: none
	run   func(context.Context) // beside the servers, until its ctx is done; nil: nothing
	close func() error
}

// open opens what -store names.
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
	return nil, errors.New("-store: want memory, file:PATH or redis://HOST:PORT") // how it was written may have a password in it
}

// openFile loads a file, which no other gateway may have meanwhile.
func openFile(path string, log *slog.Logger) (*opened, error) {
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("-store file:%s: %w", path, err)
	}
	if !locks {
		log.Warn("-store: this system has no flock: nothing keeps a second gateway from the file", "path", path)
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
		err = errors.Join(f.sweep(), f.save()) // better now than after the first change
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
		run:     func(ctx context.Context) { _ = st.Run(ctx) }, // ends with ctx alone
		close:   func() error { st.Close(); return nil },
	}, nil
}
