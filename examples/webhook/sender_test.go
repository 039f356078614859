package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
)

// direct is a RoundTripper that calls a handler, so that a test needs no network and can
// be in a bubble. A handler that hangs is left when the request's context is done.
type direct struct{ http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// link is a sender, a receiver, and what lies between them.
type link struct {
	t        *testing.T
	sender   *Sender
	log      *bytes.Buffer
	began    time.Time
	attempts []time.Duration // since the link began
	received []string        // IDs
	ids      []string        // of each attempt
}

// newLink returns a link. answer may answer an attempt instead of the receiver. Attempts
// are counted from 1.
func newLink(t *testing.T, answer func(attempt int, w http.ResponseWriter, r *http.Request) bool) *link {
	secret := aSecret(t, vectorSecret)
	l := &link{t: t, log: new(bytes.Buffer), began: time.Now()}
	receiver := &Receiver{Secrets: []Secret{secret}, Handle: func(e alert.Event) error {
		l.received = append(l.received, e.ID)
		return nil
	}}
	l.sender = &Sender{
		Outbox: open(t, t.TempDir(), 100), URL: "https://hooks.example.com/ration", Secrets: []Secret{secret},
		Logger: slog.New(slog.NewTextHandler(l.log, nil)),
		Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.attempts = append(l.attempts, time.Since(l.began))
			l.ids = append(l.ids, r.Header.Get(headerID))
			if answer == nil || !answer(len(l.attempts), w, r) {
				receiver.ServeHTTP(w, r)
			}
		})},
	}
	return l
}

// run runs the sender for some time, and returns what Run returned.
func (l *link) run(most time.Duration) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), most)
	defer cancel()
	return l.sender.Run(ctx)
}

// status answers the attempts up to the n-th with a status.
func status(n, code int, retryAfter string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(attempt int, w http.ResponseWriter, _ *http.Request) bool {
		if attempt > n {
			return false
		}
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		return true
	}
}

// TestRetries has a receiver fail for a while. The pauses between attempts are half of
// the backoff at least.
func TestRetries(t *testing.T) {
	second := time.Second
	for name, c := range map[string]struct {
		answer func(int, http.ResponseWriter, *http.Request) bool
		pauses []time.Duration // the longest ones
	}{
		"no failure":  {nil, nil},
		"500":         {status(3, 500, ""), []time.Duration{5 * second, 10 * second, 20 * second}},
		"404":         {status(1, 404, ""), []time.Duration{5 * second}},
		"a redirect":  {status(1, 302, ""), []time.Duration{5 * second}},
		"Retry-After": {status(1, 503, "60"), []time.Duration{60 * second}},
		"at most an hour": {status(11, 429, "86400"), []time.Duration{
			3600 * second, 3600 * second, 3600 * second, 3600 * second, 3600 * second, 3600 * second,
			3600 * second, 3600 * second, 3600 * second, 3600 * second, 3600 * second,
		}},
		"it hangs": {func(attempt int, _ http.ResponseWriter, r *http.Request) bool {
			if attempt > 2 {
				return false
			}
			<-r.Context().Done()
			return true
		}, []time.Duration{(15 + 5) * second, (15 + 10) * second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLink(t, c.answer)
				l.sender.Notify(t.Context(), anEvent(1))
				require.ErrorIs(t, l.run(24*time.Hour), context.DeadlineExceeded)
				require.Equal(t, []string{"evt_0001"}, l.received)
				require.Len(t, l.attempts, len(c.pauses)+1)
				for i, most := range c.pauses {
					pause := l.attempts[i+1] - l.attempts[i]
					require.LessOrEqual(t, pause, most)
					require.GreaterOrEqual(t, pause, most/2)
				}
				require.Empty(t, waiting(l.sender.Outbox))
				lines := strings.Count(l.log.String(), "\n")
				require.Equal(t, min(2, 2*len(c.pauses)), lines, "the beginning and the end: %s", l.log)
			})
		})
	}
}

// TestOthersGoOn has a receiver refuse one of several Events. The others are delivered.
func TestOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get(headerID) != "evt_0000" {
				return false
			}
			w.WriteHeader(500)
			return true
		})
		for n := range 5 {
			l.sender.Notify(t.Context(), anEvent(n))
		}
		_ = l.run(time.Minute)
		require.Equal(t, []string{"evt_0001", "evt_0002", "evt_0003", "evt_0004"}, l.received)
		require.Equal(t, []string{"evt_0000"}, waiting(l.sender.Outbox))
		_ = l.run(80 * time.Hour)
		require.Empty(t, waiting(l.sender.Outbox))
		require.Contains(t, l.log.String(), "an alert is given up")
	})
}

// TestGone checks that a receiver that is gone ends Run, and that the Event stays.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, status(1, 410, ""))
		l.sender.Notify(t.Context(), anEvent(1))
		require.ErrorIs(t, l.run(time.Hour), errGone)
		require.Equal(t, []string{"evt_0001"}, waiting(l.sender.Outbox))
		_ = l.run(time.Hour)
		require.Equal(t, []string{"evt_0001"}, l.received)
	})
}

// TestLostAnswer loses the answer of the receiver. The Event arrives again, with the same
// ID, and is handled once.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, nil)
		answer := l.sender.Transport
		l.sender.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := answer.RoundTrip(req)
			if len(l.attempts) < 3 {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})
		l.sender.Notify(t.Context(), anEvent(1))
		_ = l.run(time.Hour)
		require.Equal(t, []string{"evt_0001", "evt_0001", "evt_0001"}, l.ids)
		require.Equal(t, []string{"evt_0001"}, l.received)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestFullOutbox has Notify wait until there is room.
func TestFullOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, nil)
		l.sender.Outbox = open(t, t.TempDir(), 1)
		l.sender.Notify(t.Context(), anEvent(0))
		within, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		l.sender.Notify(within, anEvent(1))
		require.Error(t, within.Err(), "it has waited")
		require.Contains(t, l.log.String(), "an alert is lost until a later decision")
		go func() { _ = l.run(time.Minute) }()
		l.sender.Notify(t.Context(), anEvent(2))
		synctest.Wait()
		time.Sleep(time.Minute)
		require.Equal(t, []string{"evt_0000", "evt_0002"}, l.received)
	})
}

// TestReceiver checks the answers to bad requests.
func TestReceiver(t *testing.T) {
	secret := aSecret(t, vectorSecret)
	r := &Receiver{Secrets: []Secret{secret}, Handle: func(alert.Event) error { return io.EOF }}
	for name, c := range map[string]struct {
		body   string
		signed bool
		want   int
	}{
		"not signed":      {`{}`, false, 401},
		"not JSON":        {`{`, true, 400},
		"too large":       {strings.Repeat(" ", maxBody+1), true, 400},
		"another type":    {`{"type":"later"}`, true, 204},
		"a handler fails": {`{"type":"quota.threshold_reached"}`, true, 500},
	} {
		req := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		if c.signed {
			signHeader(req.Header, r.Secrets, "evt_1", time.Now(), []byte(c.body))
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		require.Equal(t, c.want, w.Code, name)
	}
	require.Empty(t, r.seen, "what failed is handled again")
}
