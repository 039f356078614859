package storetest

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestDifferences checks how a message shows values that print badly by themselves: a
// time zone, by its name, and the elements of maps, in the order of their names.
func TestDifferences(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	routes := func(rate string) map[string]limiter.Limit {
		all := map[string]limiter.Limit{}
		for _, name := range strings.Split("jihgfedcba", "") {
			all["GET /"+name] = limiter.MustParse(rate)
		}
		return all
	}
	for _, c := range []struct {
		name      string
		got, want usageplan.Plan
		message   string
	}{
		{
			"another zone",
			usageplan.Plan{Quotas: []calendar.Quota{{Location: time.UTC}, {}, {Location: berlin}}},
			usageplan.Plan{Quotas: []calendar.Quota{{Location: berlin}, {Location: berlin}, {}}},
			"Quotas[0].Location is \"UTC\", want \"Europe/Berlin\"\n" +
				"Quotas[1].Location is nil, want \"Europe/Berlin\"\n" +
				"Quotas[2].Location is \"Europe/Berlin\", want nil",
		},
		{
			"another zone of the same name",
			usageplan.Plan{Quotas: []calendar.Quota{{Location: time.FixedZone("X", 60)}}},
			usageplan.Plan{Quotas: []calendar.Quota{{Location: time.FixedZone("X", 120)}}},
			"Quotas[0].Location is \"X\", want \"X\" with other offsets",
		},
		{
			"elements that differ",
			usageplan.Plan{Routes: routes("1/s")}, usageplan.Plan{Routes: routes("2/s burst 1")},
			"Routes[\"GET /a\"].Rate is 1, want 2\nRoutes[\"GET /b\"].Rate is 1, want 2\nRoutes[\"GET /c\"].Rate",
		},
		{
			"elements that are missing",
			usageplan.Plan{Routes: map[string]limiter.Limit{}}, usageplan.Plan{Routes: routes("1/s")},
			"Routes[\"GET /a\"] is missing, want 1/s burst 1\nRoutes[\"GET /b\"] is missing",
		},
		{
			"elements too many",
			usageplan.Plan{Routes: routes("1/s")}, usageplan.Plan{Routes: map[string]limiter.Limit{}},
			"Routes[\"GET /a\"] is 1/s burst 1, want none\nRoutes[\"GET /b\"] is 1/s burst 1, want none",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := differences("", reflect.ValueOf(c.got), reflect.ValueOf(c.want))
			require.True(t, strings.HasPrefix(strings.Join(all, "\n"), c.message), "%s", strings.Join(all, "\n"))
		})
	}
}

// TestManyDifferences checks that a message about a list in another order stays readable.
func TestManyDifferences(t *testing.T) {
	for n, last := range map[int]string{1: "0", 20: "19", 21: "20", 22: "and 2 more differences", 100: "and 80 more differences"} {
		var all []string
		for i := range n {
			all = append(all, strconv.Itoa(i))
		}
		shown := strings.Split(lines(all), "\n\t")
		require.Equal(t, last, shown[len(shown)-1])
		require.Equal(t, min(n, 21), len(shown))
		require.Len(t, all, n)
	}
}
