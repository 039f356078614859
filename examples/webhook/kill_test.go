package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
)

// The environment variables of a sending process.
const (
	childDir  = "RATION_WEBHOOK_DIR"
	childURL  = "RATION_WEBHOOK_URL"
	childFrom = "RATION_WEBHOOK_FROM"
)

// TestMain is a sending process if it has a directory.
func TestMain(m *testing.M) {
	if os.Getenv(childDir) == "" {
		os.Exit(m.Run())
	}
	if err := send(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// send puts Events into an Outbox and delivers them, until it is killed. It prints the ID
// of each Event that the Outbox has accepted.
func send() error {
	secret, err := ParseSecret(vectorSecret)
	if err != nil {
		return err
	}
	o, err := OpenOutbox(os.Getenv(childDir), 1000)
	if err != nil {
		return err
	}
	s := &Sender{
		Outbox: o, URL: os.Getenv(childURL), Secrets: []Secret{secret},
		Backoff: 5 * time.Millisecond, MaxBackoff: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
	go func() {
		for n := 0; ; n++ {
			e := anEvent(n)
			e.ID = fmt.Sprintf("evt_%s_%d", os.Getenv(childFrom), n)
			s.Notify(context.Background(), e)
			fmt.Println(e.ID)
		}
	}()
	return s.Run(context.Background())
}

// TestKill kills a sending process with SIGKILL at several moments, while the receiver
// answers 500 now and then. Each Event that was accepted arrives, and is handled once.
func TestKill(t *testing.T) {
	const rounds, each = 5, 20
	var mu sync.Mutex
	handled := map[string]int{}
	receiver := &Receiver{Secrets: []Secret{aSecret(t, vectorSecret)}, Handle: func(e alert.Event) error {
		mu.Lock()
		defer mu.Unlock()
		handled[e.ID]++
		return nil
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.N(4) == 0 {
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		receiver.ServeHTTP(w, r)
	}))
	defer server.Close()

	dir := t.TempDir()
	var accepted []string
	for round := range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+server.URL, childFrom+"="+fmt.Sprint(round))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < each+rand.N(each) && lines.Scan(); n++ {
			accepted = append(accepted, lines.Text())
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // it has accepted these before it was killed
			if line := lines.Text(); strings.HasPrefix(line, "evt_") {
				accepted = append(accepted, line)
			}
		}
		_ = cmd.Wait()
	}
	require.Greater(t, len(accepted), rounds*each)

	last := &Sender{
		Outbox: open(t, dir, 1000), URL: server.URL, Secrets: receiver.Secrets,
		Backoff: 5 * time.Millisecond, MaxBackoff: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- last.Run(ctx) }()
	for len(waiting(last.Outbox)) > 0 {
		select {
		case <-last.Outbox.Changed():
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	mu.Lock()
	defer mu.Unlock()
	for _, id := range accepted {
		require.Equal(t, 1, handled[id], id)
	}
	t.Log(len(accepted), "accepted by", rounds, "processes,", len(handled), "handled")
}
