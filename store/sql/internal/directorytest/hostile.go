package directorytest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// hostile are texts that SQL, a column of text or an escape could change or confuse.
var hostile = []string{
	"", "a", "A", "a ", " a", "aa", "1", "null", "NULL", "a'; DROP TABLE ration_keys; --", `"a"`, `\`, `\\`, `a\u0000`, `\u0000`, `\x00`,
	"$1", "?1", ":a", "@a", "%", "_", "*", "[a]", "a\n", "a\x00", "\x00", "\x00\x00", "a\x00b", "\xff", "\xfe", "\xff\xfe", "\xed\xa0\x80",
	"\ufffd", "\ufffd00", "\ufffdff", "\ufffdef\ufffdbf\ufffdbd", "é", "e\u0301", "é"[:1], "\U0001F511", "\U0001F511"[:3], "<a>&\u2028",
}

// TestHostile uses texts with quotes, NULs, wildcards, and bytes that are not UTF-8 in
// every ID and in every field that a filter compares.
func TestHostile(t *testing.T, s Store) {
	ctx := t.Context()
	for _, id := range hostile {
		require.NoError(t, s.InsertKey(ctx, apikey.Key{
			ID: id, Name: id, Description: id, CustomerID: id, GroupID: id, Hint: id, Digest: apikey.DigestOf(id),
		}), "%q", id)
		require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: id, Name: id, ProductCode: id}), "%q", id)
		require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: id, Name: id, ParentID: id, PlanID: id}), "%q", id)
		require.NoError(t, s.InsertLink(ctx, usageplan.Link{PlanID: id, KeyID: "a", Allowance: id}), "%q", id)
		require.ErrorIs(t, s.InsertKey(ctx, apikey.Key{ID: id}), apikey.ErrExists, "%q", id)
		require.ErrorIs(t, s.InsertPlan(ctx, usageplan.Plan{ID: id}), usageplan.ErrExists, "%q", id)
		require.ErrorIs(t, s.InsertGroup(ctx, usageplan.Group{ID: id}), usageplan.ErrExists, "%q", id)
		require.ErrorIs(t, s.InsertLink(ctx, usageplan.Link{PlanID: id, KeyID: "a"}), usageplan.ErrExists, "%q", id)
	}
	links, err := s.KeyLinks(ctx, "a")
	require.NoError(t, err)
	require.Len(t, links, len(hostile))
	for i, id := range hostile {
		want := apikey.Key{ID: id, Name: id, Description: id, CustomerID: id, GroupID: id, Hint: id, Digest: apikey.DigestOf(id)}
		k, err := s.Key(ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, k)
		k, err = s.KeyByDigest(ctx, want.Digest)
		require.NoError(t, err)
		require.Equal(t, want, k)
		require.Equal(t, usageplan.Link{PlanID: id, KeyID: "a", Allowance: id, Version: 1}, links[i])
		testHostileFilters(t, s, id)

		a, err := s.AccessByKey(ctx, id)
		require.NoError(t, err)
		if id == "" {
			require.Empty(t, a.Groups)
		} else {
			require.Equal(t, id, a.Groups[0].ID)
			require.NotNil(t, a.Plan(id))
		}
		k.Enabled = true
		require.NoError(t, s.UpdateKey(ctx, k))
	}
	for _, id := range hostile {
		require.NoError(t, s.DeleteKey(ctx, id))
		require.NoError(t, s.DeleteLink(ctx, id, "a"))
		require.NoError(t, s.DeletePlan(ctx, id, 1))
		require.NoError(t, s.DeleteGroup(ctx, id, 1))
	}
}

func testHostileFilters(t *testing.T, s Store, id string) {
	ctx := t.Context()
	for _, f := range []apikey.Filter{
		{NamePrefix: id}, {CustomerID: id}, {GroupID: id}, {GroupID: id, CustomerID: id, NamePrefix: id}, {CustomerID: "a", NamePrefix: id},
	} {
		want := []string{}
		for i := range hostile {
			text := hostile[len(hostile)-1-i]
			if f.Passes(&apikey.Key{Name: text, CustomerID: text, GroupID: text}) {
				want = append(want, text)
			}
		}
		keys, next, err := s.Keys(ctx, f, "", 1000)
		require.NoError(t, err)
		require.Empty(t, next)
		got := []string{}
		for _, k := range keys {
			got = append(got, k.ID)
		}
		require.Equal(t, want, got, "%+v", f)
	}
	groups, _, err := s.Groups(ctx, usageplan.GroupFilter{ParentID: id, PlanID: id}, "", 1000)
	require.NoError(t, err)
	if id == "" {
		require.Len(t, groups, len(hostile))
	} else {
		require.Equal(t, []usageplan.Group{{ID: id, Name: id, ParentID: id, PlanID: id, Version: 1}}, groups)
	}
	ofPlan, _, err := s.PlanLinks(ctx, id, "", 1000)
	require.NoError(t, err)
	require.Len(t, ofPlan, 1)
}

// TestNULs puts NULs into the texts of JSON columns.
func TestNULs(t *testing.T, s Store) {
	texts := []string{"\x00", `\u0000`, `\\u0000`, "\ufffd", "\ufffd00", `"\` + "\x00", "\ufffdef\ufffdbf\ufffdbd"}
	k := apikey.Key{ID: "k", Tags: apikey.Tags{}, StageKeys: texts, Scopes: texts}
	p := usageplan.Plan{ID: "p", Tags: apikey.Tags{}, Routes: map[string]limiter.Limit{}, Version: 1}
	for _, text := range texts {
		k.Tags[text], p.Tags[text] = text, text
		p.Routes[text] = limiter.Limit{Rate: 1, Burst: 1}
		p.Stages = append(p.Stages, usageplan.Stage{API: strings.ReplaceAll(text, ":", ""), Name: text})
	}
	require.NoError(t, s.InsertKey(t.Context(), k))
	require.NoError(t, s.InsertPlan(t.Context(), p))
	gotKey, err := s.Key(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, k, gotKey)
	gotPlan, err := s.Plan(t.Context(), "p")
	require.NoError(t, err)
	require.Equal(t, p, gotPlan)
}

// TestInvalid inserts records that the tables cannot hold. Nothing is inserted.
func TestInvalid(t *testing.T, s Store) {
	ctx, late := t.Context(), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	err := s.InsertKey(ctx, apikey.Key{ID: "late", Expires: late})
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.ErrorContains(t, err, `insert key "late": apikey: invalid: expires: year 10000: want 1 to 9999`)
	require.ErrorIs(t, s.InsertPlan(ctx, usageplan.Plan{ID: "late", Created: late}), usageplan.ErrInvalid)
	require.ErrorIs(t, s.InsertPlan(ctx, usageplan.Plan{ID: "name", Throttles: []usageplan.Throttle{{Name: "\x00"}}}), usageplan.ErrInvalid)
	plans, _, err := s.Plans(ctx, "", 10)
	require.NoError(t, err)
	require.Empty(t, plans)
	_, err = s.Key(ctx, "late")
	require.ErrorIs(t, err, apikey.ErrNotFound)

	for _, limit := range []int{0, -1} {
		_, _, err = s.Keys(ctx, apikey.Filter{}, "", limit)
		require.ErrorIs(t, err, apikey.ErrInvalid)
	}
	_, _, err = s.Plans(ctx, "zzz", 1) // a number that was never given
	require.ErrorIs(t, err, usageplan.ErrInvalid)
}
