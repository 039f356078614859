package main

import (
	"log/slog"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/history"
)

const historyHelp = "`number` of changes of keys, plans and usage that the store keeps. It forgets the oldest first.\n" +
	`Each change is also logged: who made it, and what it was. With 0, no change is kept or logged.
A store in memory keeps them until the gateway stops.`

// openHistory returns what keeps the changes that administrators make, and what is told
// of them. Both are nil if cfg wants none.
func openHistory(cfg config, st *stores.Opened, log *slog.Logger) (*history.History, history.Recorder, error) {
	if cfg.history == 0 {
		return nil, nil, nil
	}
	kept, err := history.New(historyStore(st, history.Bounds{Max: cfg.history}), history.Config{Logger: log})
	if err != nil {
		return nil, nil, err
	}
	return kept, history.Recorders{history.NewLog(log), kept}, nil
}

// historyStore returns the history of a store. The store in memory has none, so it gets
// one beside it.
func historyStore(st *stores.Opened, b history.Bounds) history.Store {
	if s, ok := st.Backend.(interface {
		History(history.Bounds) history.Store
	}); ok {
		return s.History(b)
	}
	return history.NewMemory(b)
}
