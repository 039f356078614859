package prometheus_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// units are those of the service of the fixture.
var units = usageplan.Units{{Name: "tokens"}}

// service is a service over a store in memory, with metrics.
type service struct {
	t        testing.TB
	reg      *prometheus.Registry
	observer *rationprom.Observer
	*ration.Ration
}

func newService(t testing.TB, cfg rationprom.Config) *service {
	s := &service{t: t, reg: prometheus.NewPedanticRegistry()}
	cfg.Registerer, cfg.Units = s.reg, units
	var err error
	s.observer, err = rationprom.New(cfg)
	require.NoError(t, err)
	s.Ration, err = ration.New(memory.New(memory.Config{}), ration.Config{Units: units, Gate: gate.Config{Observer: s.observer}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.observer.Watch(s.Gate))
	return s
}

// plan puts a plan of quotas. It returns the secret of a key under it.
func (s *service) plan(id string, quotas ...string) apikey.Secret {
	s.t.Helper()
	p := usageplan.Plan{ID: id}
	for _, text := range quotas {
		p.Quotas = append(p.Quotas, quota.MustParse(text))
	}
	_, err := s.Plans.Put(s.t.Context(), p)
	require.NoError(s.t, err)
	_, secret, err := s.Issue(s.t.Context(), id, "worker-of-"+id)
	require.NoError(s.t, err)
	return secret
}

func (s *service) admit(secret apikey.Secret, tokens int64) *gate.Decision {
	s.t.Helper()
	d, err := s.Gate.Admit(s.t.Context(), gate.Request{Secret: secret, Costs: usageplan.Costs{tokens}})
	require.NoError(s.t, err)
	return &d
}
