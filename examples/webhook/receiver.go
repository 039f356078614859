package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/ration-go/ration/alert"
)

// maxBody bounds what a Receiver reads. Standard Webhooks recommends to send less than
// 20 kB.
const maxBody = 64 << 10

// A Receiver is an http.Handler that accepts signed messages and calls Handle once for
// each Event. Handle is not called by two requests at a time.
//
// It remembers IDs in memory. A receiver that must not handle an Event twice after it was
// restarted stores the ID in one transaction with what it does.
type Receiver struct {
	Secrets []Secret
	Handle  func(alert.Event) error // after an error, the sender tries again

	mu     sync.Mutex
	seen   map[string]bool
	recent []string // the IDs in seen, oldest first
}

// maxSeen bounds how many IDs a Receiver remembers.
const maxSeen = 100_000

// ServeHTTP answers 204 if the Event was handled, now or before. It answers 401 for
// everything that no secret has signed.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "cannot read the body", http.StatusBadRequest)
		return
	}
	id, err := verifyHeader(req.Header, r.Secrets, time.Now(), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, "cannot decode the body", http.StatusBadRequest)
		return
	}
	if m.Type == eventType { // others are of a later version, and are ignored
		err = r.handleOnce(id, m.Data)
	}
	if err != nil {
		http.Error(w, "cannot handle the event", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// handleOnce calls Handle, unless it has handled the ID.
func (r *Receiver) handleOnce(id string, e alert.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] {
		return nil
	}
	if err := r.Handle(e); err != nil {
		return err
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	if len(r.recent) == maxSeen {
		delete(r.seen, r.recent[0])
		r.recent = r.recent[1:]
	}
	r.seen[id] = true
	r.recent = append(r.recent, id)
	return nil
}
