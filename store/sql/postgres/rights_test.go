package postgres

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
	"github.com/ration-go/ration/usageplan"
)

// TestDirectoryRights has users with exactly the rights that docs/databases.md names: one
// that manages keys and plans, and one that only looks keys up.
func TestDirectoryRights(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	owner := open(t, dial(t, server.DSN("postgres")))
	require.NoError(t, owner.Migrate(t.Context()))
	page, err := os.ReadFile("../../../docs/databases.md")
	require.NoError(t, err)
	_, grants, found := strings.Cut(string(page), "```sql\nGRANT")
	require.True(t, found)
	grants, _, _ = strings.Cut("GRANT"+grants, "```")
	execute(t, owner, "CREATE USER manager PASSWORD 'm'; CREATE USER reader PASSWORD 'r'; "+grants)

	manager := open(t, dial(t, server.DSNAs("manager", "m", "postgres")))
	running(t, manager)
	directorytest.TestHostile(t, manager)
	require.NoError(t, manager.InsertKey(t.Context(), apikey.Key{ID: "k", Digest: apikey.DigestOf("k")}))
	require.NoError(t, manager.InsertKey(t.Context(), apikey.Key{ID: "l"}))
	_, next, err := manager.Keys(t.Context(), apikey.Filter{}, "", 1)
	require.NoError(t, err)
	keys, _, err := manager.Keys(t.Context(), apikey.Filter{}, next, 1)
	require.NoError(t, err)
	require.Len(t, keys, 1)

	reader := open(t, dial(t, server.DSNAs("reader", "r", "postgres")))
	running(t, reader)
	a, err := reader.AccessByDigest(t.Context(), apikey.DigestOf("k"))
	require.NoError(t, err)
	require.Equal(t, "k", a.Key.ID)
	for _, err := range []error{
		reader.InsertKey(t.Context(), apikey.Key{ID: "m"}), reader.UpdateKey(t.Context(), a.Key), reader.DeleteKey(t.Context(), "k"),
		reader.InsertPlan(t.Context(), usageplan.Plan{ID: "p"}),
	} {
		require.ErrorContains(t, err, "permission denied")
		require.ErrorIs(t, err, store.ErrDenied)
	}
}
