package quota_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/quota"
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
	c, err := quota.New(&vault{password: password}, quota.MustParse("1/day"), quota.Config{})
	require.NoError(t, err)
	values := map[string]any{
		"Counter": c, "Config": quota.Config{}, "Quota": quota.Quota{},
		"Result": quota.Result{}, "Usage": quota.Usage{}, "DayUsage": quota.DayUsage{}, "Projection": quota.Projection{},
	}
	leak.Complete(t, values)
	leak.Check(t, password, values)
}
