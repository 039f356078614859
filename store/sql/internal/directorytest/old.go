package directorytest

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestOldRecords checks the records that a test has inserted before it migrated: the key
// "old" with an expiry, in the plan "p", and the group "g" of that plan. They mean what
// they meant.
func TestOldRecords(t *testing.T, s Store) {
	ctx := t.Context()
	want := apikey.Key{ID: "old", Enabled: true, Expires: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Version: 1}
	copy(want.Digest[:], bytes.Repeat([]byte{7}, len(want.Digest)))
	a, err := s.AccessByDigest(ctx, want.Digest)
	require.NoError(t, err)
	require.Equal(t, want, a.Key)
	limit := limiter.Limit{Rate: 5, Burst: 10}
	require.Equal(t, []usageplan.Plan{{ID: "p", Throttle: &limit, Version: 1}}, a.Plans)
	require.Equal(t, []usageplan.Link{{PlanID: "p", KeyID: "old", Allowance: "a", Version: 1}}, a.Links)
	g, err := s.Group(ctx, "g")
	require.NoError(t, err)
	require.Equal(t, usageplan.Group{ID: "g", PlanID: "p", Version: 1}, g)

	want.Scopes = []string{"orders:*"}
	require.NoError(t, s.UpdateKey(ctx, want))
	want.Version = 2
	k, err := s.Key(ctx, "old")
	require.NoError(t, err)
	require.Equal(t, want, k)
}
