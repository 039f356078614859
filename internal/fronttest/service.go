package fronttest

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// errHandler is what Serve returns if the handler must fail.
var errHandler = errors.New("the handler fails")

// A Service is a Gate with keys and one plan. Its clock stands still: only Run moves it.
// It handles one call at a time.
type Service struct {
	Gate  *gate.Gate
	Plans *usageplan.Service

	// Logger is for the Front. Log returns what was logged.
	Logger *slog.Logger

	counter *counter
	secrets map[string]apikey.Secret
	ids     map[string]string // of keys, by name

	mu   sync.Mutex
	call Call
	seen []Handled
	log  bytes.Buffer
}

// NewService returns a Service whose plan is p.
func NewService(t testing.TB, p usageplan.Plan) *Service {
	st := memory.New(memory.Config{})
	units := usageplan.Units{{Name: "tokens"}}
	s := &Service{counter: &counter{Counter: st, at: time.Now()}, secrets: map[string]apikey.Secret{}, ids: map[string]string{}}
	s.Logger = slog.New(slog.NewTextHandler(lockedLog{s}, &slog.HandlerOptions{Level: slog.LevelWarn}))

	var err error
	s.Gate, err = gate.New(st, st, s.counter, gate.Config{Units: units})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Gate.Close() })
	s.Plans, err = usageplan.NewService(st, st, usageplan.Config{Units: units})
	require.NoError(t, err)
	keys, err := apikey.NewService(st, apikey.Config{})
	require.NoError(t, err)

	plan, err := s.Plans.Create(t.Context(), p)
	require.NoError(t, err)
	create := func(k apikey.Key, planned bool) {
		name := k.Name
		k, secret, err := keys.Create(t.Context(), k)
		require.NoError(t, err)
		s.ids[name], s.secrets[name] = k.ID, secret
		if planned {
			require.NoError(t, s.Plans.Link(t.Context(), plan.ID, k.ID))
		}
	}
	create(apikey.Key{Name: Alice, Enabled: true}, true)
	create(apikey.Key{Name: Bob, Enabled: true}, true)
	create(apikey.Key{Name: Planless, Enabled: true}, false)
	create(apikey.Key{Name: Disabled}, true)
	create(apikey.Key{Name: Expired, Enabled: true}, true)
	_, err = keys.Expire(t.Context(), s.ids[Expired], time.Now().Add(-time.Hour))
	require.NoError(t, err)
	create(apikey.Key{Name: Stranger, Enabled: true}, false)
	require.NoError(t, keys.Delete(t.Context(), s.ids[Stranger]))
	s.secrets[Garbled] = "garbled"
	return s
}

// lockedLog writes to the log of a Service.
type lockedLog struct{ *Service }

func (l lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

// Log returns what was logged at the levels of warnings and errors.
func (s *Service) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Secret returns the secret of a key by its name. It is empty if the name is empty.
func (s *Service) Secret(name string) string { return string(s.secrets[name]) }

// Begin makes c the current call. Run and RunHTTP call it.
func (s *Service) Begin(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call, s.seen = c, nil
}

// Current returns the current call.
func (s *Service) Current() Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.call
}

// Costs returns what the current call uses.
func (s *Service) Costs() usageplan.Costs { return usageplan.Costs{s.Current().Cost} }

// ID returns the ID of the current call.
func (s *Service) ID() string { return s.Current().ID }

// Class returns the class of the current call.
func (s *Service) Class() string { return s.Current().Class }

// Serve does the work of a handler. If it returns an error, the handler must answer with
// an internal error. It may panic.
func (s *Service) Serve(h Handled) error {
	s.mu.Lock()
	s.seen = append(s.seen, h)
	do := s.call.Do
	s.mu.Unlock()

	if do.Settles {
		if err := h.Settle(usageplan.Costs{do.Settle}); err != nil {
			return err
		}
	}
	if do.Refund {
		if err := h.Refund(); err != nil {
			return err
		}
	}
	switch {
	case do.Panic:
		panic(errHandler)
	case do.Fail:
		return errHandler
	}
	return nil
}

// Seen returns what the handlers saw of the current call.
func (s *Service) Seen() []Handled {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Used returns what a key has used of its limits on a route, by the names of the limits.
func (s *Service) Used(t testing.TB, key, route string) map[string]int64 {
	d, err := s.Gate.Peek(t.Context(), gate.Request{KeyID: s.ids[key], Route: route})
	require.NoError(t, err)
	used := map[string]int64{}
	for l := range d.Levels() {
		used[l.Name] = l.Used
	}
	return used
}
