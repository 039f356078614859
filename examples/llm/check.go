package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store/memory"
)

// teams has the team of each key that the check uses.
var teams = map[string]string{"crawler": "acme-search", "ranker": "acme-search", "chatbot": "acme-help"}

const (
	clients  = 4  // of each key
	requests = 20 // of each client
)

// check uses the service and compares what it has counted with the invoice of the model.
// The windows of quotas begin anew at midnight. If that comes in between, check starts
// again.
func check(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		day := time.Now().UTC().Format(time.DateOnly)
		err := checkOnce(ctx, out)
		if day == time.Now().UTC().Format(time.DateOnly) {
			return err
		}
	}
}

func checkOnce(ctx context.Context, out io.Writer) error {
	s, err := newService(ctx, memory.New(memory.Config{}), &model{pause: time.Millisecond})
	if err != nil {
		return err
	}
	defer s.Close()
	t, err := s.use(ctx)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		fmt.Fprintf(out, "%4d %s\n", t.count[o], o)
		if t.count[o] == 0 {
			err = errors.Join(err, fmt.Errorf("no request was %s", o))
		}
	}
	if s.model.cut == 0 {
		err = errors.Join(err, errors.New("no answer was cut short"))
	}
	if err = errors.Join(err, s.compare(ctx, out)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "The reports and quotas of all agree with the invoice.")
	return err
}

// tally counts the outcomes.
type tally struct {
	mu    sync.Mutex
	count map[outcome]int
	err   error
}

func (t *tally) add(o outcome, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.count[o]++
}

// use lets all clients use the service at the same time. When it returns, every request
// has been settled: the server waits for its handlers.
func (s *service) use(ctx context.Context) (*tally, error) {
	server := httptest.NewServer(s.handler())
	defer server.Close()
	t := &tally{count: map[outcome]int{}}
	var running sync.WaitGroup
	var all []client
	for id, team := range teams {
		secret, err := s.newKey(ctx, id, team)
		if err != nil {
			return nil, err
		}
		c := client{server.URL, secret}
		all = append(all, c)
		for n := range clients {
			running.Go(func() { s.useAs(ctx, &c, id, n, t) })
		}
	}
	running.Wait()
	for _, c := range all {
		if _, err := c.showUsage(ctx); err != nil {
			t.add("", err)
		}
	}
	return t, t.err
}

// useAs is what the n-th client of a key does: four tenths of its requests are read to
// the end.
func (s *service) useAs(ctx context.Context, c *client, keyID string, n int, t *tally) {
	const text = "to be or not to be, that is the question"
	for i := range requests {
		body := fmt.Sprintf(`{"prompt": "%s %d", "max_tokens": %d}`, text, i, 40+i)
		opus := strings.Replace(body, "{", `{"model": "opus", `, 1)
		switch i % 10 {
		case 1:
			t.add(c.send(ctx, body, 3))
		case 5:
			t.add(c.send(ctx, opus, 0))
		case 6:
			t.add(c.send(ctx, opus, 3))
		case 2:
			t.add(c.send(ctx, `{"prompt": "overload"}`, 0))
		case 3:
			t.add(c.send(ctx, `{"prompt": `, 0))
		case 4:
			for range 2 { // deliveries
				_, err := s.job(ctx, keyID, fmt.Sprintf("job-%d-%d", n, i), prompt{"haiku", text, 50})
				t.add(outcomeOf(err))
			}
		case 7:
			_, err := s.job(ctx, keyID, "", prompt{"haiku", "overload", 50})
			t.add(outcomeOf(err))
		default:
			t.add(c.send(ctx, body, 0))
		}
	}
}
