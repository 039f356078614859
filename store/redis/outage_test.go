package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
)

// journal is a log that a test reads.
type journal struct {
	mu    sync.Mutex
	lines []line
	text  bytes.Buffer
}

type line struct {
	Level, Msg, Error, After string
}

func (j *journal) Write(p []byte) (int, error) {
	var l line
	if err := json.Unmarshal(p, &l); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, l)
	return j.text.Write(p)
}

func (j *journal) logger() *slog.Logger {
	text := func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			return slog.String(a.Key, a.Value.Duration().String())
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{ReplaceAttr: text}))
}

// about returns the lines so far that are about the subscription.
func (j *journal) about() []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.lines), func(l line) bool { return !strings.Contains(l.Msg, "changes") })
}

// soon waits for the n-th line and returns it.
func (j *journal) soon(t *testing.T, n int) line {
	t.Helper()
	require.Eventually(t, func() bool { return len(j.about()) >= n }, 10*time.Second, time.Millisecond)
	return j.about()[n-1]
}

const (
	deafMessage  = "ration: no subscription to changes in Redis"
	againMessage = "ration: subscribed to changes in Redis again"
)

// TestRunLogs has a Run that cannot subscribe. It logs the reason at once, once, and
// without the password. It logs again when it has subscribed.
func TestRunLogs(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, url string, j *journal) *Store {
		s, err := Open(url, Config{Logger: j.logger()})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s
	}
	for name, test := range map[string]struct {
		forbid, allow []string // as ACL SETUSER has it
		level, want   string
	}{
		"wrong password": {[]string{">another", "<s3cret"}, []string{">s3cret"}, "ERROR", "WRONGPASS"},
		"user is off":    {[]string{"off"}, []string{"on"}, "ERROR", "WRONGPASS"},
		"no channel":     {[]string{"resetchannels"}, []string{"&ration*"}, "ERROR", "NOPERM"},
		"no SUBSCRIBE":   {[]string{"-subscribe"}, []string{"+subscribe"}, "ERROR", "NOPERM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := redistest.Start(t)
			control := single(t, addr)
			acl := func(words ...string) {
				words = append([]string{"ACL", "SETUSER", "service"}, words...)
				require.NoError(t, control.Do(t.Context(), control.B().Arbitrary(words...).Build()).Error())
			}
			acl(append([]string{"on", ">s3cret", "~*", "&ration*", "+@all"}, test.forbid...)...)
			var j journal
			s := open(t, "redis://service:s3cret@"+addr, &j)
			heard := listen(t, s)
			start(t, s)
			first := j.soon(t, 1)
			require.Equal(t, test.level, first.Level)
			require.Equal(t, deafMessage, first.Msg)
			require.Contains(t, first.Error, test.want)
			require.Never(t, func() bool { return len(j.about()) > 1 }, 2500*time.Millisecond, 100*time.Millisecond, "once")
			state := s.ListenerState()
			require.GreaterOrEqual(t, state.Denied, int64(3))
			require.Equal(t, state.Denied, state.Failed)
			require.Zero(t, state.Lost)
			acl(test.allow...)
			require.Empty(t, soon(t, heard), "subscribed")
			second := j.soon(t, 2)
			require.Equal(t, againMessage, second.Msg)
			require.Equal(t, "INFO", second.Level)
			after, err := time.ParseDuration(second.After)
			require.NoError(t, err)
			require.Greater(t, after, 2*time.Second)
			require.NotContains(t, j.text.String(), "s3cret")
		})
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		var j journal
		start(t, open(t, "redis://service:s3cret@127.0.0.1:1", &j))
		first := j.soon(t, 1)
		require.Equal(t, "WARN", first.Level)
		require.Contains(t, first.Error, "connection refused")
		require.NotContains(t, j.text.String(), "s3cret")
	})
	t.Run("killed and restarted", func(t *testing.T) {
		t.Parallel()
		server := redistest.StartServer(t)
		var j journal
		s := open(t, "redis://"+server.Addr, &j)
		heard := listen(t, s)
		start(t, s)
		require.Empty(t, soon(t, heard), "subscribed")
		require.Empty(t, j.about(), "all is well")
		for round := range 2 {
			server.Kill()
			if round == 0 { // the second break, within a minute, is not logged
				require.Equal(t, deafMessage, j.soon(t, 1).Msg)
			}
			server.Restart(t)
			require.Empty(t, soon(t, heard), "subscribed again")
			require.Equal(t, againMessage, j.soon(t, 2).Msg)
		}
		for _, l := range j.about() {
			require.NotEqual(t, "ERROR", l.Level, l)
		}
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, redistest.Start(t))
		var j journal
		s := open(t, "redis://"+p.addr, &j)
		heard := listen(t, s)
		start(t, s)
		require.Empty(t, soon(t, heard), "subscribed")
		p.silent.Store(true)
		require.Equal(t, deafMessage, j.soon(t, 1).Msg)
		require.Equal(t, "WARN", j.soon(t, 1).Level)
		p.silent.Store(false)
		require.Equal(t, againMessage, j.soon(t, 2).Msg)
	})
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		var j journal
		s := open(t, "redis://"+redistest.Start(t), &j)
		heard := listen(t, s)
		ended := make(chan error)
		go func() { ended <- s.Run(t.Context()) }()
		require.Empty(t, soon(t, heard), "subscribed")
		s.Close()
		require.ErrorIs(t, <-ended, net.ErrClosed)
		require.Empty(t, j.about(), "that was wanted")
	})
}

// TestOutage checks what is logged of breaks: each reason once in an outage, and once a
// minute.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		o := newOutage(j.logger())
		refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
		for i, step := range []struct {
			pass  time.Duration
			err   error // nil if subscribed
			lines int   // so far
		}{
			{0, nil, 0},
			{time.Hour, io.EOF, 1},
			{time.Second, refused, 1}, // still unreachable
			{time.Second, context.DeadlineExceeded, 2},
			{time.Second, refused, 2},
			{time.Hour, refused, 2},
			{time.Second, nil, 3},
			{0, nil, 3},
			{30 * time.Second, refused, 4}, // an hour after the last of this reason
			{time.Millisecond, nil, 5},
			{time.Millisecond, refused, 5}, // breaks again and again
			{time.Millisecond, nil, 5},
			{time.Millisecond, refused, 5},
			{time.Millisecond, nil, 5},
			{time.Minute, refused, 6},
			{time.Millisecond, nil, 7},
		} {
			time.Sleep(step.pass)
			if step.err == nil {
				o.end(t.Context())
			} else {
				o.report(t.Context(), step.err)
			}
			require.Len(t, j.about(), step.lines, "step %d", i)
		}
		require.Equal(t, line{"INFO", againMessage, "", "1h0m4s"}, j.about()[2])
		require.Equal(t, line{"INFO", againMessage, "", "1ms"}, j.about()[4])
	})
}

// TestNoLogger has a Run without a Logger.
func TestNoLogger(t *testing.T) {
	o := newOutage(nil)
	o.report(t.Context(), rueidis.ErrClosing)
	o.end(t.Context())
}
