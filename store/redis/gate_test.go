package redis

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	local "github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// directoryOf is a store of keys and plans.
type directoryOf interface {
	apikey.Store
	usageplan.Store
}

// witness remembers the last decision.
type witness struct {
	decision gate.Outcome
	err      error
}

func (w *witness) Decided(_ context.Context, d gate.Decided) { w.decision, w.err = d.Outcome, d.Err }

func (*witness) Corrected(context.Context, gate.Corrected) {}

// gateOver returns a Gate with one key of one plan, and the key's secret.
func gateOver(t *testing.T, dir directoryOf, counter store.Counter, plan usageplan.Plan) (*gate.Gate, apikey.Secret, *witness) {
	t.Helper()
	w := &witness{}
	g, err := gate.New(dir, dir, counter, gate.Config{
		Observer: w,
		MaxAge:   time.Minute,
		Timeout:  5 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	key, secret, err := must(apikey.NewService(dir, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	plans := must(usageplan.NewService(dir, dir, usageplan.Config{}))
	plan, err = plans.Create(t.Context(), plan)
	require.NoError(t, err)
	require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))
	return g, secret, w
}

func daily() []period.Quota { return []period.Quota{{Limit: 1000, Period: period.Day}} }

// TestSteadyState counts the commands of a Gate's decisions: one call of the script each,
// and nothing else.
func TestSteadyState(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	g, secret, _ := gateOver(t, s, s, usageplan.Plan{Name: "p", Throttle: &limiter.Limit{Rate: 1000, Burst: 1000}, Quotas: daily()})
	admit := func() {
		d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
		if err != nil || !d.Allowed {
			t.Error(d.Reason, err)
		}
	}
	admit()
	sent := monitor(t, addr, func() {
		for range 300 {
			admit()
		}
	})
	require.Equal(t, map[string]int{"evalsha": 300}, sent)
}

// TestServerRefuses has a server answer each charge with an error. A quota closes, a
// throttle opens, no charge is made, and the Observer gets the reason.
func TestServerRefuses(t *testing.T) {
	for _, says := range []string{
		"LOADING Redis is loading the dataset in memory", "CLUSTERDOWN The cluster is down",
		"BUSY Redis is busy running a script.", "MISCONF Redis is configured to save RDB snapshots",
	} {
		word, _, _ := strings.Cut(says, " ")
		t.Run(word, func(t *testing.T) {
			s, err := Open("redis://"+answering(t, "-"+says), Config{})
			require.NoError(t, err)
			defer s.Close()
			for _, test := range []struct {
				plan  usageplan.Plan
				opens bool
			}{
				{usageplan.Plan{Name: "quota", Quotas: daily()}, false},
				{usageplan.Plan{Name: "throttle", Throttle: &limiter.Limit{Rate: 10, Burst: 10}}, true},
			} {
				g, secret, w := gateOver(t, local.New(local.Config{}), s, test.plan)
				d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
				assert.Equal(t, test.opens, d.Allowed, test.plan.Name)
				assert.Equal(t, gate.StoreFailed, w.decision.Reason)
				for _, err := range []error{err, w.err} {
					assert.ErrorIs(t, err, store.ErrNotTaken)
					assert.ErrorContains(t, err, word)
				}
			}
		})
	}
}

// answering returns the address of a server that lets a client connect, and answers every
// script with the same reply.
func answering(t *testing.T, reply string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	replies := map[string]string{
		"HELLO": "%3\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n+version\r\n+7.0.15", "SETINFO": "+OK", "PING": "+PONG",
		"CLUSTER": "-ERR This instance has cluster support disabled", "EVALSHA": reply,
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for words := bufio.NewScanner(conn); words.Scan(); {
					if text := replies[strings.ToUpper(words.Text())]; text != "" {
						if _, err := conn.Write([]byte(text + "\r\n")); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestFirstLookup counts the commands of the first decision about a key: one script for
// the look-up of the key, its links and its plans, and one for the charge.
func TestFirstLookup(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	plan := usageplan.Plan{Name: "p", Throttle: &limiter.Limit{Rate: 1000, Burst: 1000}, Quotas: daily()}
	warm, secret, _ := gateOver(t, s, s, plan) // now the server knows the scripts
	_, err := warm.Admit(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	g, secret, _ := gateOver(t, s, s, plan)
	key, err := s.KeyByDigest(t.Context(), apikey.DigestOf(string(secret)))
	require.NoError(t, err)
	for _, req := range []gate.Request{{Secret: secret}, {KeyID: key.ID}} {
		sent := monitor(t, addr, func() {
			d, err := g.Admit(t.Context(), req)
			if err != nil || !d.Allowed {
				t.Error(d.Reason, err)
			}
		})
		require.Equal(t, map[string]int{"evalsha": 2}, sent)
	}
}

// TestServerDies kills the server of counters, keys and plans. A known key whose plan has
// only a throttle goes on with a bucket in the process, even if the key is due to be read
// again. A key whose plan has a quota is refused, and so is a key that was never seen.
func TestServerDies(t *testing.T) {
	server := miniredis.RunT(t)
	s, err := Open("redis://"+server.Addr(), Config{})
	require.NoError(t, err)
	defer s.Close()
	g, err := gate.New(s, s, s, gate.Config{MaxAge: time.Nanosecond, Keep: time.Hour, Timeout: time.Minute})
	require.NoError(t, err)
	defer g.Close()
	secrets := map[string]apikey.Secret{}
	for name, plan := range map[string]usageplan.Plan{
		"throttle": {Name: "p", Throttle: &limiter.Limit{Rate: 1000, Burst: 1000}}, "quota": {Name: "p", Quotas: daily()}, "never seen": {Name: "p"},
	} {
		_, secrets[name], _ = gateOver(t, s, s, plan)
	}
	for _, name := range []string{"throttle", "quota"} {
		d, err := g.Admit(t.Context(), gate.Request{Secret: secrets[name]})
		require.NoError(t, err)
		require.True(t, d.Allowed, name)
	}
	server.Close()
	for range 3 {
		for name, secret := range secrets {
			d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
			require.Error(t, err, name)
			require.Equal(t, gate.StoreFailed, d.Reason, name)
			require.Equal(t, name == "throttle", d.Allowed, name)
			require.Equal(t, name != "never seen", d.Key != nil, name)
		}
	}
	require.NoError(t, server.Restart())
	for name, secret := range secrets {
		require.Eventually(t, func() bool {
			d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
			return err == nil && d.Allowed
		}, 10*time.Second, time.Millisecond, name)
	}
}
