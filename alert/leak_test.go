package alert_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/leak"
)

// TestNothingShowsASecret prints every exported struct after a key with a secret has
// fired.
func TestNothingShowsASecret(t *testing.T) {
	s := newService(t)
	s.key("a", plan("p", "1/day"))
	p := s.process(alert.Config{Queue: 1})
	k, secret, err := s.keys.Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	require.NoError(t, s.plans.Link(t.Context(), "p", k.ID))
	_, err = p.Admit(context.Background(), gate.Request{Secret: secret})
	require.NoError(t, err)
	values := map[string]any{"Observer": p.alerts, "Stats": p.alerts.Stats(), "Config": alert.Config{}, "Event": p.deliver()[0], "log": p.log.String()}
	require.NotEmpty(t, values["log"])
	delete(values, "log")
	require.NotContains(t, p.log.String(), string(secret)[4:36])
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
}
