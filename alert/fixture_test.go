package alert_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var units = usageplan.Units{{Name: "tokens"}}

// service is a service of several processes over one store.
type service struct {
	t      *testing.T
	st     *memory.Store
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups
}

func newService(t *testing.T) *service {
	st, cfg := memory.New(memory.Config{}), usageplan.Config{Units: units}
	return &service{
		t, st, must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, cfg)),
		must(usageplan.NewGroups(st, st, st, cfg)),
	}
}

// key creates a key under a plan. The IDs are the names.
func (s *service) key(id string, p usageplan.Plan) {
	s.t.Helper()
	_, err := s.plans.Put(s.t.Context(), p)
	require.NoError(s.t, err)
	_, _, err = s.keys.Create(s.t.Context(), apikey.Key{ID: id, Enabled: true})
	require.NoError(s.t, err)
	require.NoError(s.t, s.plans.Link(s.t.Context(), p.ID, id))
}

// plan returns a plan with quotas.
func plan(id string, quotas ...string) usageplan.Plan {
	p := usageplan.Plan{ID: id}
	for _, text := range quotas {
		p.Quotas = append(p.Quotas, quota.MustParse(text))
	}
	return p
}

// process is one process of a service. Its Events are in the queue until it delivers.
type process struct {
	t *testing.T
	*gate.Gate
	alerts *alert.Observer
	log    *bytes.Buffer
	mu     sync.Mutex
	events []alert.Event
}

func (s *service) process(cfg alert.Config, change ...func(*gate.Config, *store.Counter)) *process {
	s.t.Helper()
	p := &process{t: s.t, log: new(bytes.Buffer)}
	cfg.Logger = slog.New(slog.NewTextHandler(p.log, nil))
	p.alerts = must(alert.New(func(_ context.Context, e alert.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}, cfg))
	gateCfg, counter := gate.Config{Observer: p.alerts, Units: units}, store.Counter(s.st)
	for _, c := range change {
		c(&gateCfg, &counter)
	}
	p.Gate = must(gate.New(s.st, s.st, counter, gateCfg))
	s.t.Cleanup(func() { _ = p.Gate.Close() })
	return p
}

// spend asks for n tokens.
func (p *process) spend(keyID string, n int64) *gate.Decision {
	d, err := p.Admit(p.t.Context(), gate.Request{KeyID: keyID, Costs: usageplan.Costs{n}})
	require.NoError(p.t, err)
	return &d
}

// deliver delivers what is queued.
func (p *process) deliver() []alert.Event {
	ctx, cancel := context.WithCancel(p.t.Context())
	cancel()
	require.ErrorIs(p.t, p.alerts.Run(ctx), context.Canceled)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.events = nil }()
	return p.events
}

// said returns what is queued as a text, such as "key a day 80%: 8/10".
func (p *process) said() string {
	var all []string
	for _, e := range p.deliver() {
		all = append(all, fmt.Sprintf("%v %s %d%%: %d/%d", e.Payer, e.Limit, e.Threshold, e.Used, e.Max))
	}
	return strings.Join(all, "; ")
}

// ids returns the set of IDs.
func ids(events []alert.Event) map[string]bool {
	all := map[string]bool{}
	for _, e := range events {
		all[e.ID] = true
	}
	return all
}
