// Command webhook tells another service when keys reach the thresholds of their quotas.
// It shows what a service needs beside package alert: a queue on disk that survives a
// crash, signatures, retries, and a receiver that drops repeats:
//
//	go run ./examples/webhook
//
// The command runs a sender and a receiver, which fails at first, and ends when all
// alerts have arrived. docs/alerts.md explains the code. To use it, copy sign.go,
// outbox.go and sender.go into your service. The receiver takes sign.go and receiver.go,
// or a library of Standard Webhooks in its own language.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
)

func main() {
	dir, err := os.MkdirTemp("", "webhook")
	if err != nil {
		log.Fatal(err)
	}
	err = show(context.Background(), os.Stdout, dir)
	_ = os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// show spends the quota of a key, and returns when the receiver has three alerts.
func show(ctx context.Context, out io.Writer, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	secret := Secret(make([]byte, 32))
	_, _ = rand.Read(secret) // never fails
	outbox, err := OpenOutbox(dir, 10_000)
	if err != nil {
		return err
	}
	received := make(chan alert.Event, 3)
	server := httptest.NewServer(failFirst(2, &Receiver{Secrets: []Secret{secret}, Handle: func(e alert.Event) error {
		received <- e
		return nil
	}}))
	defer server.Close()
	sender := &Sender{
		Outbox: outbox, URL: server.URL, Secrets: []Secret{secret}, Backoff: 50 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(out, nil)),
	}

	stop, err := serve(ctx, sender)
	if err != nil {
		return err
	}
	for range 3 {
		select {
		case e := <-received:
			fmt.Fprintf(out, "%v has used %d of %d %s of the %s: %d%%\n", e.Payer, e.Used, e.Max, e.Unit, e.Limit, e.Threshold)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), stop())
		}
	}
	return stop()
}

// serve is the part of the service: it makes a Ration with alerts, and uses it. The
// returned function stops the deliveries.
func serve(ctx context.Context, sender *Sender) (stop func() error, err error) {
	alerts, err := alert.New(sender.Notify, alert.Config{Logger: sender.Logger})
	if err != nil {
		return nil, err
	}
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Gate: gate.Config{Observer: alerts}})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	var runs sync.WaitGroup
	runs.Go(func() { _ = alerts.Run(running) })
	runs.Go(func() { _ = sender.Run(running) })
	stop = func() error {
		cancel()
		runs.Wait()
		return r.Close()
	}
	if err := use(ctx, r); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// use makes requests of a key until its quota is used up.
func use(ctx context.Context, r *ration.Ration) error {
	plan, err := r.Plan(ctx, "free", "unlimited", "10/year")
	if err != nil {
		return err
	}
	_, secret, err := r.Issue(ctx, plan.ID, "my-client")
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := r.Gate.Admit(ctx, gate.Request{Secret: secret}); err != nil {
			return err
		}
	}
	return nil
}

// failFirst answers the first n requests with 500.
func failFirst(n int, next http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n--
		fails := n >= 0
		mu.Unlock()
		if fails {
			http.Error(w, "not yet", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}
