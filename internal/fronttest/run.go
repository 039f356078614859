package fronttest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Run runs the table against a Front.
func Run(t *testing.T, f Front) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := NewService(t, c.limits.plan(f.Names))
			send := f.Start(t, s, c.options)
			for i, step := range c.steps {
				if step.call.Do.Panic && !f.Recovers {
					t.Skip("a panic ends the server")
				}
				s.counter.advance(step.after)
				s.counter.setDown(step.down)
				s.Begin(step.call)
				got := send(t, step.call)
				s.counter.setDown(false)
				require.Equal(t, step.want, got.Kind, "step %d: %+v", i, step.call)
				step.checkAnswer(t, &f, got, i)
				step.checkSeen(t, s, c.options, i)
				for name, want := range step.used {
					require.Equal(t, want, s.Used(t, step.call.Key, f.Names[step.call.Route])[name], "step %d: used of %s", i, name)
				}
			}
			require.NotRegexp(t, "a route that a plan limits|a pattern of Config.Public", s.Log())
			require.NotContains(t, s.Log(), "twice")
		})
	}
}

// checkAnswer compares what an answer says of limits.
func (s *step) checkAnswer(t *testing.T, f *Front, got Answer, i int) {
	switch s.want {
	case Throttled:
		require.Equal(t, s.wait, got.Wait, "step %d: the wait", i)
	case Quota:
		require.Positive(t, got.Wait, "step %d: the wait", i)
	case Admitted, Failed, Forbidden, Unauthenticated, Ambiguous:
		require.Zero(t, got.Wait, "step %d: the wait", i)
	}
	switch s.want {
	case Unauthenticated, Ambiguous:
		require.Empty(t, got.Remaining, "step %d", i)
	}
	if !f.Shows {
		return
	}
	for name, want := range s.left {
		require.Contains(t, got.Remaining, name, "step %d", i)
		require.Equal(t, want, got.Remaining[name], "step %d: remaining of %s", i, name)
	}
}

// checkSeen compares what the handler saw.
func (s *step) checkSeen(t *testing.T, service *Service, o Options, i int) {
	seen := service.Seen()
	if s.want != Admitted && s.want != Failed {
		require.Empty(t, seen, "step %d: a handler was called", i)
		return
	}
	require.Len(t, seen, 1, "step %d: calls of a handler", i)
	require.Equal(t, s.call.Route, seen[0].Route, "step %d", i)

	if s.call.Route == Health {
		require.Nil(t, seen[0].Decision, "step %d", i)
	} else {
		require.NotNil(t, seen[0].Decision, "step %d", i)
		require.Equal(t, s.call.Key, seen[0].Decision.Key.Name, "step %d", i)
	}
	secret := service.Secret(s.call.Key)
	if o.StripCredential {
		secret = ""
	}
	require.Equal(t, secret, seen[0].Credential, "step %d: the credential that the handler sees", i)
}
