package redis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// start runs s until the test ends, or until stop is called. Stop returns Run's error.
func start(t testing.TB, s *Store) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { assert.ErrorIs(t, stop(), context.Canceled) })
	return stop
}

// listen returns the changes that s reports from now on.
func listen(t testing.TB, s *Store) <-chan string {
	t.Helper()
	heard := make(chan string, 1000)
	t.Cleanup(s.OnChange(func(id string) { heard <- id }))
	require.Empty(t, soon(t, heard), "at once")
	return heard
}

// running returns a store with a Run that is subscribed, until the test ends.
func running(t testing.TB, client rueidis.Client) *Store {
	t.Helper()
	s := newStore(t, client, decisionScripts)
	heard := listen(t, s)
	start(t, s)
	require.Empty(t, soon(t, heard), "once subscribed")
	return s
}

// soon returns the next change, which must come within 10s.
func soon(t testing.TB, heard <-chan string) string {
	t.Helper()
	select {
	case id := <-heard:
		return id
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing was heard")
		return ""
	}
}

// TestPush checks that one process hears of the changes of another.
func TestPush(t *testing.T) {
	addr := redistest.Start(t)
	here, there := running(t, dial(t, addr)), newStore(t, dial(t, addr), decisionScripts)
	other, err := New(dial(t, addr), Config{Prefix: "other"})
	require.NoError(t, err)
	heard, elsewhere := listen(t, here), listen(t, there)

	k := apikey.Key{ID: "k", Version: 1, Digest: apikey.DigestOf("secret")}
	// A store of another prefix: no listener here hears of it.
	require.NoError(t, other.InsertKey(t.Context(), k))
	require.NoError(t, there.InsertKey(t.Context(), k))
	require.Equal(t, "k", soon(t, heard))
	require.NoError(t, there.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "k2"}))
	require.Equal(t, "k2", soon(t, heard))
	require.ErrorIs(t, there.DeletePlan(t.Context(), "p", 0), usageplan.ErrNotFound)
	require.NoError(t, there.InsertPlan(t.Context(), usageplan.Plan{ID: "p"}))
	require.Equal(t, "p", soon(t, heard))
	require.NoError(t, there.InsertGroup(t.Context(), usageplan.Group{ID: "g"}))
	require.Equal(t, "g", soon(t, heard))
	require.NoError(t, there.UpdateGroup(t.Context(), usageplan.Group{ID: "g", PlanID: "p", Version: 1}))
	require.Equal(t, "g", soon(t, heard))
	require.ErrorIs(t, there.DeleteGroup(t.Context(), "g", 1), usageplan.ErrConflict)
	require.NoError(t, there.DeleteGroup(t.Context(), "g", 2))
	require.Equal(t, "g", soon(t, heard))
	require.Empty(t, elsewhere, "a store without a Run tells of nothing but the beginning")
}

// TestRestored breaks the subscription. When it is restored, the listeners hear that
// anything may have changed.
func TestRestored(t *testing.T) {
	t.Parallel()
	t.Run("the server ends the connection", func(t *testing.T) {
		client := dial(t, redistest.Start(t))
		s := running(t, client)
		heard := listen(t, s)
		began := time.Now()
		for i := range 9 {
			kill := client.B().Arbitrary("CLIENT", "KILL", "TYPE", "pubsub").Build()
			killed, err := client.Do(t.Context(), kill).AsInt64()
			require.NoError(t, err)
			require.EqualValues(t, 1, killed)
			require.Empty(t, soon(t, heard))
			require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: fmt.Sprint(i)}))
			require.Equal(t, fmt.Sprint(i), soon(t, heard))
		}
		require.Less(t, time.Since(began), 3*time.Second, "one break does not make the pause after the next longer")
	})
	t.Run("the server is gone for a while", func(t *testing.T) {
		server := miniredis.RunT(t)
		s := running(t, dial(t, server.Addr()))
		heard := listen(t, s)
		server.Close()
		require.NoError(t, server.Restart())
		require.Empty(t, soon(t, heard))
		// A connection that broke unnoticed fails a change, but no read.
		_, _, err := s.Plans(t.Context(), "", 1)
		require.NoError(t, err)
		require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: "p"}))
		require.Equal(t, "p", soon(t, heard))
	})
	t.Run("the server goes silent", func(t *testing.T) {
		t.Parallel()
		addr := redistest.Start(t)
		p := newProxy(t, addr)
		heard := listen(t, running(t, dial(t, p.addr)))
		began := time.Now()
		p.silent.Store(true)
		direct := newStore(t, dial(t, addr), decisionScripts)
		require.NoError(t, direct.InsertKey(t.Context(), apikey.Key{ID: "missed"}))
		time.AfterFunc(heartbeat+answerTimeout, func() { p.silent.Store(false) })
		require.Empty(t, soon(t, heard), "missed is never told")
		require.Less(t, time.Since(began), 7*time.Second)
		require.NoError(t, direct.InsertKey(t.Context(), apikey.Key{ID: "k"}))
		require.Equal(t, "k", soon(t, heard))
	})
}

// TestTwoRuns has one Run more than needed. Each change is reported twice. When one Run
// ends, the other goes on.
func TestTwoRuns(t *testing.T) {
	s := running(t, dial(t, redistest.Start(t)))
	heard := listen(t, s)
	stop := start(t, s)
	require.Empty(t, soon(t, heard))
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "a"}))
	require.Equal(t, "a", soon(t, heard))
	require.Equal(t, "a", soon(t, heard))
	require.ErrorIs(t, stop(), context.Canceled)
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "b"}))
	require.Equal(t, "b", soon(t, heard))
	require.Empty(t, heard)
}

// TestRunReason checks that the error of a Run that was not subscribed has the reason.
func TestRunReason(t *testing.T) {
	client := dial(t, redistest.Start(t))
	forbid := client.B().Arbitrary("ACL", "SETUSER", "default", "-subscribe").Build()
	require.NoError(t, client.Do(t.Context(), forbid).Error())
	s := newStore(t, client, decisionScripts)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "store/redis: run: ")
	require.ErrorContains(t, err, "NOPERM")

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Run(stopped), context.Canceled)
}

// TestRevoked checks that a Gate here refuses a key that was disabled there, long before
// its cache would have expired.
func TestRevoked(t *testing.T) {
	addr := redistest.Start(t)
	here, there := running(t, dial(t, addr)), newStore(t, dial(t, addr), decisionScripts)
	g, err := gate.New(here, here, here, gate.Config{MaxAge: time.Minute, Timeout: time.Minute})
	require.NoError(t, err)
	defer g.Close()
	keys := must(apikey.NewService(there, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	plans := must(usageplan.NewService(there, there, usageplan.Config{}))
	key, secret, err := keys.Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	plan, err := plans.Create(t.Context(), usageplan.Plan{Name: "plan"})
	require.NoError(t, err)
	require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))

	admitted := func() bool {
		d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
		return d.Allowed
	}
	require.Eventually(t, admitted, 5*time.Second, time.Millisecond)
	_, err = keys.Disable(t.Context(), key.ID)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !admitted() }, 5*time.Second, time.Millisecond)
}

// TestListening checks that a Listener is Running while a Run is running, connected or
// not.
func TestListening(t *testing.T) {
	for name, addr := range map[string]string{"server": redistest.Start(t), "no server": "127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			s, err := Open("redis://"+addr, Config{})
			require.NoError(t, err)
			defer s.Close()
			require.False(t, s.ListenerState().Running)
			for range 2 {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- s.Run(ctx) }()
				require.Eventually(t, func() bool { return s.ListenerState().Running }, 10*time.Second, time.Millisecond)
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
				require.False(t, s.ListenerState().Running)
			}
		})
	}
}
