package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// crowded is a Store that makes every decision in a batch with other requests, some of
// them before it and some after it.
type crowded struct {
	*Store
	others int
}

func (s crowded) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.Move || c.Check() != nil || ctx.Err() != nil {
		return s.Store.Take(ctx, c)
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	own := s.request(c, at)
	n := rand.IntN(s.others + 1)
	b := newBatch(nil, s.link.Load(), &s.scripts)
	for i := range s.others + 1 {
		neighbour := s.request(store.NewCharge(fmt.Sprint("neighbour ", i), 1, throttle, quota, record), at)
		if i == n {
			neighbour = own
		}
		b.waiters = append(b.waiters, &waiter{request: neighbour, done: make(chan struct{}, 1)})
	}
	p := b.waiters[n]
	b.call()
	b.deliver()
	if p.err == nil {
		p.err = decodeReply(c, at, p.reply)
	}
	if p.err != nil {
		return wrapError("take", own.describe(), asMoved(c, p.err))
	}
	return nil
}

// batched runs a test with Stores whose decisions share a script call, and with Stores
// whose decisions share a pipeline.
func batched(t *testing.T, test func(t *testing.T, open func(client rueidis.Client) *Store)) {
	for name, cfg := range map[string]Config{"gathered": {}, "separate": {Separate: true}} {
		t.Run(name, func(t *testing.T) {
			test(t, func(client rueidis.Client) *Store {
				s, err := New(client, cfg)
				require.NoError(t, err)
				return s
			})
		})
	}
}

// single returns a client with one connection to one server. It does not ask whether the
// server belongs to a Cluster: miniredis says that it does.
func single(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// counted is a client that counts its calls. A pipeline is one call.
type counted struct {
	rueidis.Client
	calls atomic.Int64
}

func (c *counted) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	c.calls.Add(1)
	return c.Client.Do(ctx, cmd)
}

func (c *counted) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	c.calls.Add(1)
	return c.Client.DoMulti(ctx, multi...)
}

// TestBatching has many callers at once while the server forgets its scripts. Every unit
// is counted once, in fewer calls than there are decisions. No call is in flight when no
// caller waits.
func TestBatching(t *testing.T) { batched(t, testBatching) }

func testBatching(t *testing.T, open func(client rueidis.Client) *Store) {
	client := &counted{Client: dial(t, redistest.Start(t))}
	s := open(client)
	const callers, each, limit = 64, 100, 4000
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range each {
				c := one("all")
				c.Parts[0].Meters = []store.Meter{quota}
				c.Parts[0].Meters[0].Max = limit
				if err := s.Take(t.Context(), c); err != nil {
					t.Error(err)
				}
				if c.OK {
					admitted.Add(1)
				}
				own := one(fmt.Sprint("own ", i))
				if err := s.Take(t.Context(), own); err != nil || !own.OK {
					t.Error(err, own.OK)
				}
			}
		})
	}
	stop := make(chan struct{})
	flusher := sync.WaitGroup{}
	flusher.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				client.Client.Do(context.Background(), client.B().ScriptFlush().Build())
			}
		}
	})
	wg.Wait()
	close(stop)
	flusher.Wait()
	require.EqualValues(t, limit, admitted.Load())
	require.EqualValues(t, callers, used(t, s, "own 7"))
	assert.Less(t, client.calls.Load(), int64(callers*each), "of %d decisions", 2*callers*each)
	q := &s.link.Load().decisions[0]
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.inFlight == 0 && len(q.waiting) == 0
	}, 10*time.Second, time.Millisecond)
}

// TestBadNeighbour checks that a decision that fails does not disturb the others of its
// batch.
func TestBadNeighbour(t *testing.T) { batched(t, testBadNeighbour) }

func testBadNeighbour(t *testing.T, open func(client rueidis.Client) *Store) {
	client := dial(t, redistest.Start(t))
	s := open(client)
	require.NoError(t, client.Do(t.Context(), client.B().Lpush().Key("ration:{list}").Element("x").Build()).Error())
	require.NoError(t, client.Do(t.Context(), client.B().Set().Key("ration:{newer}").Value("R\x02"+strings.Repeat("x", 60)).Build()).Error())
	b := newBatch(nil, s.link.Load(), &s.scripts)
	for _, subject := range []string{"a", "list", "a", "newer", "a"} {
		b.waiters = append(b.waiters, &waiter{request: s.request(one(subject), time.Now()), done: make(chan struct{}, 1)})
	}
	all := append([]*waiter(nil), b.waiters...)
	b.call()
	b.deliver()
	for i, want := range []string{"", "WRONGTYPE", "", "LAYOUT", ""} {
		assert.Equal(t, want, errorCode(all[i].err))
		if want != "" {
			assert.ErrorIs(t, wrapError("take", all[i].describe(), all[i].err), store.ErrNotTaken)
		}
	}
	require.EqualValues(t, 3, used(t, s, "a"))
}

// TestLostBatch cuts the connection before the request has arrived, or before the reply
// has. No caller can know whether it was charged, and nothing is sent again.
func TestLostBatch(t *testing.T) { batched(t, testLostBatch) }

func testLostBatch(t *testing.T, open func(client rueidis.Client) *Store) {
	addr := redistest.Start(t)
	direct := open(dial(t, addr))
	for name, test := range map[string]struct {
		spoil   func(p *proxy)
		counted int64
	}{
		"reply":   {func(p *proxy) { p.cutReply.Store(true) }, 1},
		"request": {func(p *proxy) { p.cutSend.Store(true) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, addr)
			s := open(single(t, p.addr))
			require.NoError(t, crowded{s, 3}.Take(t.Context(), one("warm-up")))
			test.spoil(p)
			b := newBatch(nil, s.link.Load(), &s.scripts)
			for i := range 20 {
				b.waiters = append(b.waiters, &waiter{request: s.request(one(fmt.Sprint(name, i)), time.Now()), done: make(chan struct{}, 1)})
			}
			all := slices.Clone(b.waiters)
			b.call()
			b.deliver()
			for _, p := range all {
				require.Error(t, p.err)
				require.NotErrorIs(t, wrapError("take", p.describe(), p.err), store.ErrNotTaken)
			}
			// A client that sends again has done so by now, because a new connection serves this.
			require.Eventually(t, func() bool { return s.Take(t.Context(), one("another")) == nil }, 10*time.Second, time.Millisecond)
			for i := range 20 {
				require.Equal(t, test.counted, used(t, direct, fmt.Sprint(name, i)), i)
			}
		})
	}
}

// TestGiveUpWaiting has a caller give up before its request is in a batch. It is not
// charged, and its error says so. The other callers' charges stand.
func TestGiveUpWaiting(t *testing.T) {
	addr := redistest.Start(t)
	control, s := single(t, addr), newStore(t, dial(t, addr), decisionScripts)
	require.NoError(t, s.Take(t.Context(), one("warm-up")))
	pause := control.B().Arbitrary("CLIENT", "PAUSE", "60000", "WRITE").Build()
	require.NoError(t, control.Do(t.Context(), pause).Error())

	take := func(ctx context.Context, subject string) chan error {
		done := make(chan error, 1)
		go func() { done <- s.Take(ctx, one(subject)) }()
		return done
	}
	q := &s.link.Load().decisions[0]
	state := func(inFlight, waiting int) {
		t.Helper()
		require.Eventually(t, func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.inFlight == inFlight && len(q.waiting) == waiting
		}, 10*time.Second, time.Millisecond)
	}
	var inFlight []chan error
	for i := range batchCalls {
		inFlight = append(inFlight, take(t.Context(), "inFlight"))
		state(i+1, 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leaves, stays := take(ctx, "waiting"), take(t.Context(), "waiting")
	state(batchCalls, 2)
	cancel()
	err := <-leaves
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorIs(t, err, context.Canceled)
	state(batchCalls, 1)

	require.NoError(t, control.Do(t.Context(), control.B().Arbitrary("CLIENT", "UNPAUSE").Build()).Error())
	for _, done := range append(inFlight, stays) {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, batchCalls, used(t, s, "inFlight"))
	require.EqualValues(t, 1, used(t, s, "waiting"))
	state(0, 0)
}

// TestGiveUpInBatch has a caller give up when its batch is in flight. The caller cannot
// know whether it was charged. The other callers are not disturbed.
func TestGiveUpInBatch(t *testing.T) { batched(t, testGiveUpInBatch) }

func testGiveUpInBatch(t *testing.T, open func(client rueidis.Client) *Store) {
	client := dial(t, redistest.Start(t))
	s := open(client)
	q := &s.link.Load().decisions[0]
	b := newBatch(q, s.link.Load(), &s.scripts)
	for _, subject := range []string{"leaves", "stays"} {
		w := &waiter{request: s.request(one(subject), time.Now()), done: make(chan struct{}, 1)}
		q.waiting = append(q.waiting, w)
	}
	q.inFlight = 1
	require.True(t, q.fill(b))
	leaves, stays := b.waiters[0], b.waiters[1]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := q.giveUp(ctx, leaves)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, store.ErrNotTaken)
	b.call()
	b.deliver()
	require.NoError(t, q.giveUp(ctx, stays), "the reply has come")
	require.EqualValues(t, applied, stays.reply[0])
	require.EqualValues(t, 1, used(t, s, "leaves"), "the charge stands")
	require.False(t, q.fill(b))
	require.Eventually(t, func() bool { // the slot that used took becomes free by itself
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.inFlight == 0
	}, 10*time.Second, time.Millisecond)
}

// TestBatchDeadline checks that a batch has the latest deadline of its waiters, and never
// an early one, because others depend on the connection.
func TestBatchDeadline(t *testing.T) {
	now := time.Unix(1000, 0)
	at := func(after time.Duration) time.Time { return now.Add(after) }
	for _, test := range []struct{ deadlines, want []time.Time }{
		{[]time.Time{at(-1)}, []time.Time{at(minCallTime)}},
		{[]time.Time{at(time.Millisecond)}, []time.Time{at(minCallTime)}},
		{[]time.Time{at(2 * minCallTime), at(3 * minCallTime), at(0)}, []time.Time{at(3 * minCallTime)}},
		{[]time.Time{at(minCallTime), {}}, []time.Time{at(defaultCallTime)}},
		{[]time.Time{at(2 * defaultCallTime), {}}, []time.Time{at(2 * defaultCallTime)}},
	} {
		b := &batch{}
		for _, deadline := range test.deadlines {
			b.waiters = append(b.waiters, &waiter{deadline: deadline})
		}
		assert.Equal(t, test.want[0], b.deadline(now))
	}
}

// TestNothingRemains checks that no goroutine is left behind when all decisions were
// made.
func TestNothingRemains(t *testing.T) { batched(t, testNothingRemains) }

func testNothingRemains(t *testing.T, open func(client rueidis.Client) *Store) {
	s := open(dial(t, redistest.Start(t)))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := s.Take(t.Context(), one("a")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*batch).run(")
	}, 10*time.Second, time.Millisecond)
}
