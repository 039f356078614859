package browsertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestLongWords checks that names and IDs without a space, as long as they may be, make
// no page wider than a phone.
func TestLongWords(t *testing.T) {
	find(t)
	t.Parallel()
	s, ctx := newSite(t, 1), t.Context()
	id, word := strings.Repeat("W", 64), strings.Repeat("m", 1000)
	quotas := []quota.Quota{
		{Name: strings.Repeat("Q", 128), Limit: 1, Period: quota.Day, Soft: true},
		{Name: "big", Limit: 1<<53 - 2, Period: quota.Month},
	}
	_, err := s.plans.Create(ctx, usageplan.Plan{
		ID: id, Name: word, Description: word, Quotas: quotas, Tags: map[string]string{strings.Repeat("t", 128): strings.Repeat("v", 256)},
		Routes: map[string]limiter.Limit{"GET /" + strings.Repeat("r", 178): {Rate: 1, Burst: 1}},
	})
	require.NoError(t, err)
	_, err = s.groups.Create(ctx, usageplan.Group{ID: id, Name: word, PlanID: id})
	require.NoError(t, err)
	_, _, err = s.keys.Create(ctx, apikey.Key{ID: id, Name: word, Description: word, CustomerID: word, GroupID: id, Enabled: true})
	require.NoError(t, err)
	require.NoError(t, s.plans.Link(ctx, id, id))
	for range 3 {
		_, err = s.gate.Admit(ctx, gate.Request{KeyID: id})
		require.NoError(t, err)
	}
	tab := open(t, narrow)
	for _, path := range []string{
		"/", "/keys", "/keys?q=" + word[:200], "/keys/" + id, "/keys/" + id + "/rotate", "/keys/" + id + "/move?plan=" + id, "/keys/" + id + "/unlink?plan=" + id,
		"/keys/" + id + "/extend?plan=" + id + "&quota=big", "/keys/" + id + "/restrict", "/plans", "/plans/" + id, "/groups", "/groups/" + id, "/changes", "/new-key", "/keys/" + word,
	} {
		tab.visit(s.url + path)
		assert.Empty(t, eval[[]string](tab, wider), path)
		assert.LessOrEqual(t, eval[int](tab, `document.documentElement.scrollWidth`), 360, path)
	}
}
