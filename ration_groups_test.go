package ration_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestGroups uses up the quota of a group with two keys, moves one of them to another
// group, and finds what it has used there.
func TestGroups(t *testing.T) {
	counts := memory.New(memory.Config{})
	r := newRation(t, ration.Config{Counter: counts})
	ctx := t.Context()
	_, err := r.Plans.Put(ctx, usageplan.Plan{ID: "pro", Quotas: []quota.Quota{quota.MustParse("3/year")}})
	require.NoError(t, err)
	_, err = r.Plan(ctx, "each", "unlimited", "5/year")
	require.NoError(t, err)
	for _, id := range []string{"acme", "blue"} {
		_, err := r.Groups.Put(ctx, usageplan.Group{ID: id, PlanID: "pro"})
		require.NoError(t, err)
	}
	for _, id := range []string{"app", "batch"} {
		_, _, err := r.Keys.Create(ctx, apikey.Key{ID: id, GroupID: "acme", Enabled: true})
		require.NoError(t, err)
	}
	require.NoError(t, r.Plans.Link(ctx, "each", "app"))

	admitted := func(keyID string, n int) (got int) {
		for range n {
			d, err := r.Gate.Admit(ctx, gate.Request{KeyID: keyID})
			require.NoError(t, err)
			if d.Allowed {
				got++
			}
		}
		return got
	}
	require.Equal(t, 2, admitted("app", 2))
	require.Equal(t, 1, admitted("batch", 5), "it has no link, and uses what is left to the group")
	require.Zero(t, admitted("app", 1))
	require.EqualValues(t, 3, counts.Stats().Subjects, "the group and its keys are counted in Config.Counter")

	_, err = r.Groups.MoveKey(ctx, "app", "blue")
	require.NoError(t, err)
	require.Equal(t, 3, admitted("app", 5), "of the 3 that it has left, and of the 3 of the new group")
	own, err := r.Gate.UsageByWindow(ctx, "each", "app", "year", 1)
	require.NoError(t, err)
	require.EqualValues(t, 5, own[0].Used, "what it has used moves along")
	require.Zero(t, admitted("batch", 1))
	windows, err := r.Gate.GroupUsageByWindow(ctx, "acme", "year", 1)
	require.NoError(t, err)
	require.EqualValues(t, 3, windows[0].Used, "what it used stays charged to the old group")
	require.ErrorIs(t, r.Groups.Delete(ctx, "acme"), usageplan.ErrInUse)
	require.ErrorIs(t, r.Plans.Delete(ctx, "pro"), usageplan.ErrInUse)
}

// TestCheckGroup checks that keys are created only in groups that exist, unless the
// caller has a check of its own.
func TestCheckGroup(t *testing.T) {
	stranger := apikey.Key{GroupID: "elsewhere", Enabled: true}
	_, _, err := newRation(t, ration.Config{}).Keys.Create(t.Context(), stranger)
	require.ErrorIs(t, err, usageplan.ErrNotFound)

	own := func(_ context.Context, groupID string) error {
		if groupID == "elsewhere" {
			return nil
		}
		return errors.New("not one of ours")
	}
	r := newRation(t, ration.Config{Keys: apikey.Config{CheckGroup: own}})
	k, _, err := r.Keys.Create(t.Context(), stranger)
	require.NoError(t, err)
	_, _, err = r.Keys.Create(t.Context(), apikey.Key{GroupID: "acme"})
	require.ErrorContains(t, err, "not one of ours")

	d, err := r.Gate.Admit(t.Context(), gate.Request{KeyID: k.ID})
	require.NoError(t, err)
	require.Equal(t, gate.NoGroup, d.Reason, "a group that is missing closes")
}

// TestGroupsInOutage checks which keys go on while the Counter fails. The strictest limit
// of a key and its groups decides.
func TestGroupsInOutage(t *testing.T) {
	faulty := storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errors.New("no answer")})
	for name, test := range map[string]struct {
		policy   gate.FailurePolicy
		org      string // the quota of the organisation
		admitted int    // of 5 requests with a key that has a throttle alone
	}{
		"a throttle alone":          {gate.FailurePolicy{}, "", 3},
		"a quota above it":          {gate.FailurePolicy{}, "100/year", 0},
		"a quota above it, opened":  {gate.FailurePolicy{Quota: gate.FailOpen}, "100/year", 3},
		"all is opened":             {gate.FailurePolicy{Quota: gate.FailOpen, Throttle: gate.FailOpen}, "100/year", 5},
		"a throttle that is closed": {gate.FailurePolicy{Throttle: gate.FailClosed}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRation(t, ration.Config{Counter: faulty, Gate: gate.Config{OnFailure: test.policy}})
			ctx := t.Context()
			org := usageplan.Plan{ID: "org"}
			if test.org != "" {
				org.Quotas = []quota.Quota{quota.MustParse(test.org)}
			}
			_, err := r.Plans.Put(ctx, org)
			require.NoError(t, err)
			_, err = r.Plan(ctx, "each", "1/h burst 3")
			require.NoError(t, err)
			_, err = r.Groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "org"})
			require.NoError(t, err)
			_, _, err = r.Keys.Create(ctx, apikey.Key{ID: "app", GroupID: "acme", Enabled: true})
			require.NoError(t, err)
			require.NoError(t, r.Plans.Link(ctx, "each", "app"))

			admitted := 0
			for range 5 {
				d, err := r.Gate.Admit(ctx, gate.Request{KeyID: "app"})
				require.ErrorContains(t, err, "no answer")
				if d.Allowed {
					admitted++
				}
			}
			require.Equal(t, test.admitted, admitted)
		})
	}
}
