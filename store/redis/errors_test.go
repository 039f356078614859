package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// one returns a charge of one unit of a day's quota.
func one(subject string) *store.Charge {
	return chargeAt(store.Spend, time.Now(), subject, 1, quota)
}

// used returns how much of c's first meter is used.
func used(t *testing.T, s *Store, subject string) int64 {
	t.Helper()
	c := one(subject)
	c.Parts[0].N[0] = 0
	require.NoError(t, s.Take(t.Context(), c))
	return c.Parts[0].Levels[0].Used
}

func TestLostReply(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	direct := newStore(t, dial(t, addr), decisionScripts)
	require.NoError(t, direct.Take(t.Context(), one("warm-up"))) // the server knows the script

	for _, test := range []struct {
		name    string
		spoil   func(p *proxy)
		pipes   bool // whether the client reads on a goroutine of its own from the start
		counted int64
	}{
		{"the reply is cut", func(p *proxy) { p.cutReply.Store(true) }, false, 1},
		{"the reply is cut, pipelining", func(p *proxy) { p.cutReply.Store(true) }, true, 1},
		{"the request is cut", func(p *proxy) { p.cutSend.Store(true) }, false, 0},
		{"the reply is late", func(p *proxy) { p.silent.Store(true) }, false, 1},
		{"the reply is late, pipelining", func(p *proxy) { p.silent.Store(true) }, true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProxy(t, addr)
			client, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{p.addr}, DisableCache: true, PipelineMultiplex: -1, AlwaysPipelining: test.pipes,
			})
			require.NoError(t, err)
			defer client.Close()
			s := newStore(t, client, decisionScripts)
			require.NoError(t, s.Take(t.Context(), one("warm-up")))
			test.spoil(p)

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			began := time.Now()
			err = s.Take(ctx, one(test.name))
			require.Error(t, err)
			assert.NotErrorIs(t, err, store.ErrNotTaken, "the caller cannot know")
			assert.Less(t, time.Since(began), 5*time.Second)
			assert.True(t, strings.HasPrefix(err.Error(), "store/redis: take: "), err.Error())

			// A client that sends again has done so by now, because a new connection would have
			// served it.
			p.silent.Store(false)
			for err = errors.New("not tried"); err != nil && t.Context().Err() == nil; {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				err = s.Take(ctx, one("another"))
				cancel()
			}
			require.NoError(t, err)
			assert.Equal(t, test.counted, used(t, direct, test.name))
		})
	}
}

func TestNeverSent(t *testing.T) {
	addr := redistest.Start(t)
	client := dial(t, addr)
	s := newStore(t, client, decisionScripts)

	t.Run("ctx is done", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("because"))
		for name, err := range map[string]error{
			"take": s.Take(ctx, one("a")),
			"peek": s.Peek(ctx, time.Now(), []string{"a"}, []store.Meter{quota}, make([]store.Level, 1), nil),
		} {
			require.ErrorIs(t, err, store.ErrNotTaken, name)
			require.ErrorIs(t, err, context.Canceled, name)
		}
		require.Zero(t, used(t, s, "a"))
	})
	t.Run("no server listens", func(t *testing.T) {
		p := newProxy(t, addr)
		client := dial(t, p.addr)
		l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free after l is closed
		require.NoError(t, err)
		require.NoError(t, l.Close())
		away, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{l.Addr().String()}, DisableCache: true, ForceSingleClient: true,
		})
		require.Error(t, err)
		defer away.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = newStore(t, away, decisionScripts).Take(ctx, one("a"))
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.NoError(t, newStore(t, client, decisionScripts).Take(t.Context(), one("b")))
	})
	t.Run("the charge breaks a rule", func(t *testing.T) {
		c := one("a")
		c.Parts[0].Subject = ""
		require.ErrorIs(t, s.Take(t.Context(), c), store.ErrInvalid)
	})
}

// TestRefusals has the server refuse to run a charge.
func TestRefusals(t *testing.T) {
	addr := redistest.Start(t)
	client := dial(t, addr)
	s := newStore(t, client, decisionScripts)
	do := func(t *testing.T, words ...string) {
		t.Helper()
		require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error())
	}
	before := one("known")
	require.NoError(t, s.Take(t.Context(), before))

	for _, test := range []struct {
		code       string
		begin, end [][]string
	}{
		{"OOM", [][]string{{"CONFIG", "SET", "maxmemory-policy", "noeviction"}, {"CONFIG", "SET", "maxmemory", "1"}},
			[][]string{{"CONFIG", "SET", "maxmemory", "0"}}},
		{"READONLY", [][]string{{"REPLICAOF", "127.0.0.1", "1"}}, [][]string{{"REPLICAOF", "NO", "ONE"}}},
		{"MASTERDOWN", [][]string{{"CONFIG", "SET", "replica-serve-stale-data", "no"}, {"REPLICAOF", "127.0.0.1", "1"}},
			[][]string{{"REPLICAOF", "NO", "ONE"}, {"CONFIG", "SET", "replica-serve-stale-data", "yes"}}},
		{"NOREPLICAS", [][]string{{"CONFIG", "SET", "min-replicas-to-write", "1"}},
			[][]string{{"CONFIG", "SET", "min-replicas-to-write", "0"}}},
		{"NOPERM", [][]string{{"ACL", "SETUSER", "default", "-evalsha"}},
			[][]string{{"ACL", "SETUSER", "default", "+@all"}}},
	} {
		t.Run(test.code, func(t *testing.T) {
			for _, words := range test.begin {
				do(t, words...)
			}
			var errs []error
			for _, subject := range []string{"known", "new"} {
				errs = append(errs, s.Take(t.Context(), one(subject)))
			}
			errs = append(errs, s.Take(t.Context(), twoParts("known", "known>new")))
			if test.code != "OOM" { // a move needs no memory
				errs = append(errs, s.Take(t.Context(), moveOf("known", "moved")))
			}
			for _, words := range test.end {
				do(t, words...)
			}
			for _, err := range errs {
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, test.code)
				require.Equal(t, test.code == "NOPERM", errors.Is(err, store.ErrDenied))
			}
			require.EqualValues(t, 1, used(t, s, "known"))
			require.Zero(t, used(t, s, "new"))
		})
	}
}

func TestUntouched(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{fmt.Errorf("wrapped: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), true},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, false},
		{&net.OpError{Op: "write", Err: errors.New("reset")}, false},
		{context.DeadlineExceeded, false},
		{rueidis.ErrClosing, false},
		{rueidis.Nil, false},
		{errors.New("LOADING is not from the server here"), false},
	} {
		assert.Equal(t, test.want, notApplied(test.err), "%v", test.err)
	}
}

// TestLayout has values that the script cannot read in place of a subject's state. The
// charge returns an error and changes nothing.
func TestLayout(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	yesterday := quota
	yesterday.Start, yesterday.End = quota.Start-86400, quota.End-86400
	field := string(appendNumber([]byte(yesterday.Name), yesterday.Start))

	require.NoError(t, s.Take(t.Context(), one("sample")))
	sample, err := client.Do(t.Context(), client.B().Get().Key("ration:{sample}").Build()).ToString()
	require.NoError(t, err)

	for _, test := range []struct {
		name   string
		make   []string
		meters []store.Meter
		code   string
	}{
		{"another type", []string{"RPUSH", "ration:{x}", "a"}, []store.Meter{quota}, "WRONGTYPE"},
		{"another's text", []string{"SET", "ration:{x}", "hello, hello, hello"}, []store.Meter{quota}, "LAYOUT"},
		{"short", []string{"SET", "ration:{x}", "R\x02"}, []store.Meter{quota}, "LAYOUT"},
		{"empty", []string{"SET", "ration:{x}", ""}, []store.Meter{quota}, "LAYOUT"},
		{"truncated", []string{"SET", "ration:{x}", sample[:20]}, []store.Meter{quota}, "LAYOUT"},
		{"older", []string{"SET", "ration:{x}", "R\x01" + sample[2:]}, []store.Meter{quota}, "LAYOUT"},
		{"newer", []string{"SET", "ration:{x}", "R\x03" + sample[2:]}, []store.Meter{quota}, "LAYOUT"},
		{"newer mark", []string{"SET", "ration:{x}", "M\x030\x80\x81y"}, []store.Meter{quota}, "LAYOUT"},
		{"past of another type", []string{"SET", "ration:{x}:past", "a"}, []store.Meter{yesterday}, "WRONGTYPE"},
		{"newer past", []string{"HSET", "ration:{x}:past", field, "\x02" + strings.Repeat("\x00", 32)},
			[]store.Meter{yesterday}, "LAYOUT"},
		{"short past", []string{"HSET", "ration:{x}:past", field, "\x01"},
			[]store.Meter{yesterday}, "LAYOUT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			flushed(t, client)
			if strings.HasSuffix(test.make[1], ":past") { // a subject that has a past has a value
				require.NoError(t, s.Take(t.Context(), store.NewCharge("x", 1, throttle)))
			}
			require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(test.make...).Build()).Error())
			before := dump(t, client)
			for _, n := range []int64{1, 0, -1} {
				c := chargeAt(store.Spend, time.Now(), "x", n, test.meters...)
				err := s.Take(t.Context(), c)
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, test.code)
				require.ErrorContains(t, err, `"ration:{x}"`)
			}
			two := store.NewCharge("x", 1, test.meters...)
			two.Parts = append(two.Parts, store.NewPart("x>y", 1, quota))
			err := s.Take(t.Context(), two)
			require.ErrorIs(t, err, store.ErrNotTaken)
			require.ErrorContains(t, err, test.code)
			require.ErrorContains(t, err, `"ration:{x}", "ration:{x}{y}"`)
			if strings.HasPrefix(test.make[1], "ration:{x}") && !strings.HasSuffix(test.make[1], ":past") {
				for _, c := range []*store.Charge{moveOf("x", "z"), moveOf("z", "x")} {
					err = s.Take(t.Context(), c)
					require.ErrorIs(t, err, store.ErrNotTaken)
					require.ErrorContains(t, err, test.code)
				}
			}
			err = s.Peek(t.Context(), time.Now(), []string{"x"}, test.meters, make([]store.Level, 1), nil)
			require.ErrorContains(t, err, test.code)
			require.Equal(t, before, dump(t, client))
		})
	}
}

// dump returns everything on the server, by key.
func dump(t *testing.T, client rueidis.Client) map[string]string {
	t.Helper()
	keys, err := client.Do(t.Context(), client.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	all := map[string]string{}
	for _, key := range keys {
		all[key], err = client.Do(t.Context(), client.B().Dump().Key(key).Build()).ToString()
		require.NoError(t, err)
	}
	return all
}
