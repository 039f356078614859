package leak

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
)

// A finding is an element of a report. Members that it does not have are ignored, since
// GitHub may add some.
type finding struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"`
}

// A label is an element of the answer.
type label struct {
	Hash  string `json:"token_hash"`
	Type  string `json:"token_type"`
	Label string `json:"label"`
}

var (
	errTooMany   = errors.New("leak: report: too many secrets")
	errMalformed = errors.New("leak: report: want a JSON array of objects")
)

// parseReport returns the findings of a report. It stops at one too many. The errors
// hold no part of the report, which has secrets.
func parseReport(body []byte, most int) (list []finding, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if first, err := dec.Token(); err != nil || first != json.Delim('[') {
		return nil, errMalformed
	}
	for dec.More() {
		if len(list) == most {
			return nil, errTooMany
		}
		var f *finding
		if err := dec.Decode(&f); err != nil || f == nil {
			return nil, errMalformed
		}
		list = append(list, *f)
	}
	if _, err := dec.Token(); err != nil { // the end of the array
		return nil, errMalformed
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errMalformed
	}
	return list, nil
}

// workers is how many secrets of a report are handled at a time.
const workers = 8

// handleAll handles the findings of a report, and labels them in their order. It goes on
// after an error, so that as many secrets as possible are revoked.
func (h *Handler) handleAll(ctx context.Context, list []finding) ([]label, error) {
	labels := make([]label, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(workers, len(list)) {
		wg.Go(func() {
			for i := range next {
				labels[i], errs[i] = h.handle(ctx, &list[i])
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	wg.Wait()
	return labels, firstOf(errs)
}

// firstOf returns the first error, and says how many there are.
func firstOf(errs []error) error {
	failed := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return fmt.Errorf("%d secrets failed, the first: %w", len(failed), failed[0])
}

// handle handles one finding. A panic, such as one of Config.OnLeak, becomes an error. On
// the goroutine of a worker it would end the process.
func (h *Handler) handle(ctx context.Context, f *finding) (l label, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("leak: report: panic: %v\n%s", p, debug.Stack())
		}
	}()
	d := apikey.DigestOf(f.Token)
	l = label{Hash: hex.EncodeToString(d[:]), Type: f.Type, Label: "false_positive"}
	if !h.mayBeSecret(f.Token) {
		return l, nil
	}
	k, err := h.keys.GetBySecret(ctx, apikey.Secret(f.Token))
	if errors.Is(err, apikey.ErrNotFound) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	l.Label = "true_positive"
	return l, h.act(ctx, newLeak(f, &k, d, time.Now()), d)
}

// mayBeSecret reports whether a token has the form of a secret. Its prefix may be any,
// since a service may have had another one earlier.
func (h *Handler) mayBeSecret(token string) bool {
	return apikey.Format{AcceptForeign: h.keys.KeyFormat().AcceptForeign}.Check(token) == nil
}

// act does what is decided about a leak, and tells the service of it.
func (h *Handler) act(ctx context.Context, l Leak, d apikey.Digest) (err error) {
	action := h.cfg.Action
	if h.cfg.Decide != nil {
		action = h.cfg.Decide(ctx, l)
	}
	k := l.Key
	switch action {
	case Tell:
	case EndSecret:
		k, l.Changed, err = h.keys.EndSecret(ctx, d, l.At.Add(h.cfg.Grace))
	default: // also for an action that Decide has made up
		action = Revoke
		k, l.Changed, err = h.keys.Revoke(ctx, d)
	}
	l.Action = action
	switch {
	case errors.Is(err, apikey.ErrNotFound): // it was rotated or deleted meanwhile
	case err != nil:
		return fmt.Errorf("leak: key %s: %w", l.Key.ID, err)
	default:
		l.Key = k
	}
	return h.tell(ctx, l)
}

// tell tells the Logger and OnLeak of a leak, unless they know it.
func (h *Handler) tell(ctx context.Context, l Leak) error {
	if h.told.contains(l.ID) && !l.Changed {
		return nil
	}
	if h.cfg.Logger != nil {
		h.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a leaked secret was reported", slog.Any("leak", l))
	}
	if h.cfg.OnLeak != nil {
		if err := h.cfg.OnLeak(ctx, l); err != nil {
			return fmt.Errorf("leak: key %s: onLeak: %w", l.Key.ID, err)
		}
	}
	h.told.add(l.ID)
	return nil
}
