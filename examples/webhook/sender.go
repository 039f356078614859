package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/alert"
)

// eventType is the type of every message. Other types may follow.
const eventType = "quota.threshold_reached"

// A message is the body of a request, in the form that Standard Webhooks recommends.
type message struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // of the Event, and not of the attempt
	Data      alert.Event `json:"data"`
}

// A Sender delivers the Events of an Outbox to one receiver, each at least once. Its
// fields must not change once it is used. Outbox, URL, Secrets and Logger must be set.
type Sender struct {
	Outbox  *Outbox
	URL     string   // of the receiver; use https outside this machine
	Secrets []Secret // each signs; there are two while one replaces the other

	// Timeout is how long an attempt may take. The default is 15s. A failed attempt is made
	// again after Backoff, and then after twice as long each time, but after at most
	// MaxBackoff. The defaults are 5s and 1h. Half of each pause is jitter.
	Timeout, Backoff, MaxBackoff time.Duration

	// GiveUp is how old an Event may be when an attempt fails, or it is given up. The
	// default is 72h.
	GiveUp time.Duration

	Logger    *slog.Logger
	Transport http.RoundTripper // the default is http.DefaultTransport

	failing bool
	full    atomic.Bool // Notify has logged that it waits
}

// errGone says that the receiver wants no more messages. The Events stay in the Outbox.
var errGone = errors.New("webhook: the receiver has answered 410 Gone")

// Notify puts an Event into the Outbox, and returns when it is on disk. It is a function
// for alert.New.
//
// While the Outbox is full, or the disk fails, Notify waits. Then the queue of the
// alert.Observer fills, and the thresholds that find no room in it stay open. So nothing
// is lost that a later decision cannot fire again.
func (s *Sender) Notify(ctx context.Context, e alert.Event) {
	for {
		err := s.Outbox.Put(e)
		if err == nil {
			return
		}
		if !s.full.Swap(true) {
			s.Logger.WarnContext(ctx, "alerts wait for room on the disk", "id", e.ID, "error", err)
		}
		if !wait(ctx, s.Outbox.Changed(), time.Second) {
			s.Logger.ErrorContext(ctx, "an alert is lost until a later decision fires it again", "id", e.ID)
			return
		}
	}
}

// wait waits until something has changed, but no longer than some time. It reports false
// if ctx is done.
func wait(ctx context.Context, changed <-chan struct{}, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-time.After(most):
	}
	return ctx.Err() == nil
}

// An attempt says when the next attempt to deliver an Event is due, and how many there
// were.
type attempt struct {
	due   time.Time
	count int
}

// Run delivers Events until ctx is done, and returns its error. It logs and returns
// errGone if the receiver says that it is gone. Then Events stay in the Outbox until the
// next Run, and Notify waits once the Outbox is full.
func (s *Sender) Run(ctx context.Context) error {
	attempts := map[string]attempt{}
	due := func(e alert.Event) time.Time { return attempts[e.ID].due }
	for ctx.Err() == nil {
		changed := s.Outbox.Changed()
		e, at, ok := s.Outbox.Next(due)
		pause := time.Hour
		if ok {
			pause = time.Until(at)
		} else if s.full.Swap(false) {
			s.Logger.InfoContext(ctx, "alerts have room on the disk again")
		}
		if pause > 0 {
			wait(ctx, changed, pause)
			continue
		}
		n := attempts[e.ID].count + 1
		after, err := s.deliver(ctx, e, n)
		switch {
		case errors.Is(err, errGone):
			s.Logger.ErrorContext(ctx, "no alert is delivered any more", "error", err)
			return err
		case err != nil:
			attempts[e.ID] = attempt{time.Now().Add(after), n}
		default:
			delete(attempts, e.ID)
		}
		s.note(ctx, err)
	}
	return ctx.Err()
}

// note logs the first failure, and the first success after it. An outage of the receiver
// may have thousands of failures.
func (s *Sender) note(ctx context.Context, err error) {
	switch {
	case err != nil && !s.failing && ctx.Err() == nil:
		s.Logger.WarnContext(ctx, "alerts cannot be delivered: they are tried again", "error", err)
	case err == nil && s.failing:
		s.Logger.InfoContext(ctx, "alerts are delivered again")
	}
	s.failing = err != nil
}

// deliver makes the n-th attempt to deliver an Event. After an error, the next attempt is
// due after some time.
func (s *Sender) deliver(ctx context.Context, e alert.Event, n int) (after time.Duration, err error) {
	retryAfter, err := s.post(ctx, e)
	if err != nil && !errors.Is(err, errGone) && ctx.Err() == nil && time.Since(e.At) > cmp.Or(s.GiveUp, 72*time.Hour) {
		s.Logger.ErrorContext(ctx, "an alert is given up", "event", e, "error", err)
		err = nil
	}
	if err == nil {
		err = s.Outbox.Done(e)
	}
	if err == nil {
		return 0, nil
	}
	most := cmp.Or(s.MaxBackoff, time.Hour)
	return min(most, max(s.backoff(n, most), retryAfter)), err
}

// backoff returns the pause after the n-th attempt.
func (s *Sender) backoff(n int, most time.Duration) time.Duration {
	pause := cmp.Or(s.Backoff, 5*time.Second)
	for ; n > 1 && pause < most; n-- {
		pause *= 2
	}
	half := min(pause, most) / 2
	return half + rand.N(half+1)
}

// post sends an Event. After an error retryAfter is what the receiver asks for, or 0.
func (s *Sender) post(ctx context.Context, e alert.Event) (retryAfter time.Duration, err error) {
	body, err := json.Marshal(message{eventType, e.At, e})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, 15*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	signHeader(req.Header, s.Secrets, e.ID, time.Now(), body)
	resp, err := s.client().Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	switch {
	case resp.StatusCode/100 == 2:
		return 0, nil
	case resp.StatusCode == http.StatusGone:
		return 0, errGone
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return time.Duration(max(0, min(seconds, 1<<20))) * time.Second, fmt.Errorf("webhook: the receiver has answered %s", resp.Status)
}

// client returns a client that follows no redirect: a message is for one receiver.
func (s *Sender) client() *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: s.Transport, CheckRedirect: stay}
}
