package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestWhatIfOrder checks that the overview has the soft limits that would refuse most,
// however many there are.
func TestWhatIfOrder(t *testing.T) {
	f := newFixture(t)
	for i := range 12 {
		id := fmt.Sprintf("p%02d", i)
		_, err := f.plans.Create(t.Context(), must(usageplan.Parse(id, "unlimited", "1/day soft")))
		require.NoError(t, err)
		secret := f.key(apikey.Key{ID: "k-" + id}, id)
		for range i + 2 {
			require.Equal(t, gate.Admitted, f.reason(secret))
		}
	}
	page := f.get("/usage/")
	_, table, _ := strings.Cut(page, "What soft limits would have refused")
	table, _, _ = strings.Cut(table, "</table>")
	require.Contains(t, table, "p11")
	require.Less(t, strings.Index(table, "p11"), strings.Index(table, "p10"))
	require.NotContains(t, table, "p00")
}
