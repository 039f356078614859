package limiter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// vault is a store that holds the password of its connection.
type vault struct {
	store.Counter
	password string
}

// TestNothingShowsASecret prints every exported struct, over a store with a password.
func TestNothingShowsASecret(t *testing.T) {
	const password = "hunter2pass"
	l, err := limiter.New(&vault{password: password}, limiter.Limit{Rate: 1, Burst: 1}, limiter.Config{})
	require.NoError(t, err)
	set, err := limiter.NewSet(l)
	require.NoError(t, err)
	values := map[string]any{
		"Limiter": l, "Set": set, "Config": limiter.Config{}, "Limit": limiter.Limit{}, "Result": limiter.Result{}, "LimitError": &limiter.LimitError{},
	}
	leak.Complete(t, values)
	leak.Check(t, password, values)
}
