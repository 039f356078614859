package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
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
	var all []request
	for i := range s.others + 1 {
		all = append(all, s.request(store.NewCharge(fmt.Sprint("neighbour ", i), 1, throttle, quota, record), at))
	}
	n := rand.IntN(len(all))
	all[n] = s.request(c, at)
	own := callTogether(s.Store, all...)[n]
	if own.Err == nil {
		own.Err = decodeReply(c, at, own.Answer)
	}
	if own.Err != nil {
		return wrapError("take", own.Request.describe(), asMoved(c, own.Err))
	}
	return nil
}

// callTogether makes one call for all requests.
func callTogether(s *Store, requests ...request) (items []*item) {
	for _, r := range requests {
		items = append(items, &item{Request: question{request: r}})
	}
	c := takeSender(s.link.Load(), &s.scripts)
	defer c.giveBack()
	c.call(items)
	return items
}

// requestsOf returns the requests of charges.
func requestsOf(s *Store, charges ...*store.Charge) (all []request) {
	for _, c := range charges {
		at := c.At
		if at.IsZero() {
			at = time.Now()
		}
		all = append(all, s.request(c, at))
	}
	return all
}

// batched runs a test with Stores whose decisions share a script call, and with Stores
// whose decisions share a pipeline.
func batched(t *testing.T, test func(t *testing.T, open func(client rueidis.Client) *Store)) {
	for name, cfg := range map[string]Config{"batched": {}, "separate": {Separate: true}} {
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
	requireLoad(t, s, 0, 0)
}

// requireLoad waits until so many calls are in flight and so many decisions wait.
func requireLoad(t *testing.T, s *Store, wantCalls, wantWaiting int) {
	t.Helper()
	require.Eventually(t, func() bool {
		calls, waiting := s.link.Load().decisions[0].Load()
		return calls == wantCalls && waiting == wantWaiting
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
	all := callTogether(s, requestsOf(s, one("a"), one("list"), one("a"), one("newer"), one("a"))...)
	for i, want := range []string{"", "WRONGTYPE", "", "LAYOUT", ""} {
		assert.Equal(t, want, errorCode(all[i].Err))
		if want != "" {
			assert.ErrorIs(t, wrapError("take", all[i].Request.describe(), all[i].Err), store.ErrNotTaken)
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
			var charges []*store.Charge
			for i := range 20 {
				charges = append(charges, one(fmt.Sprint(name, i)))
			}
			for _, item := range callTogether(s, requestsOf(s, charges...)...) {
				require.Error(t, item.Err)
				require.NotErrorIs(t, wrapError("take", item.Request.describe(), item.Err), store.ErrNotTaken)
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
	var inFlight []chan error
	for i := range batchCalls {
		inFlight = append(inFlight, take(t.Context(), "inFlight"))
		requireLoad(t, s, i+1, 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leaves, stays := take(ctx, "waiting"), take(t.Context(), "waiting")
	requireLoad(t, s, batchCalls, 2)
	cancel()
	err := <-leaves
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorIs(t, err, context.Canceled)
	requireLoad(t, s, batchCalls, 1)

	require.NoError(t, control.Do(t.Context(), control.B().Arbitrary("CLIENT", "UNPAUSE").Build()).Error())
	for _, done := range append(inFlight, stays) {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, batchCalls, used(t, s, "inFlight"))
	require.EqualValues(t, 1, used(t, s, "waiting"))
	requireLoad(t, s, 0, 0)
}

// TestGiveUpInBatch has a caller give up when its batch is in flight. The caller cannot
// know whether it was charged. The other callers are not disturbed.
func TestGiveUpInBatch(t *testing.T) { batched(t, testGiveUpInBatch) }

func testGiveUpInBatch(t *testing.T, open func(client rueidis.Client) *Store) {
	addr := redistest.Start(t)
	control, s := single(t, addr), open(dial(t, addr))
	require.NoError(t, s.Take(t.Context(), one("warm-up")))
	requireLoad(t, s, 0, 0) // the call of the warm-up has given its slot back
	q := &s.link.Load().decisions[0]
	taken := 0 // slots, so that both callers wait for one call
	for q.TryAcquire() {
		taken++
	}
	ctx, cancel := context.WithCancel(t.Context())
	leaves, stays := make(chan error, 1), make(chan error, 1)
	go func() { leaves <- s.Take(ctx, one("leaves")) }()
	go func() { stays <- s.Take(t.Context(), one("stays")) }()
	requireLoad(t, s, taken, 2)
	pause := control.B().Arbitrary("CLIENT", "PAUSE", "60000", "WRITE").Build()
	require.NoError(t, control.Do(t.Context(), pause).Error())
	q.Release()
	requireLoad(t, s, taken, 0)
	cancel()
	err := <-leaves
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, store.ErrNotTaken)

	require.NoError(t, control.Do(t.Context(), control.B().Arbitrary("CLIENT", "UNPAUSE").Build()).Error())
	require.NoError(t, <-stays)
	require.EqualValues(t, 1, used(t, s, "leaves"), "the charge stands")
	for range taken - 1 {
		q.Release()
	}
	requireLoad(t, s, 0, 0)
}

// TestBatchDeadline checks that a batch has the latest deadline of its callers, and never
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
		var items []*item
		for _, deadline := range test.deadlines {
			items = append(items, &item{Request: question{deadline: deadline}})
		}
		assert.Equal(t, test.want[0], latestDeadline(items, now))
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
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "store/batch.(*worker")
	}, 10*time.Second, time.Millisecond)
}
