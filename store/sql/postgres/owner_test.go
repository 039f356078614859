package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestSchemaOfOwner has the tables in the schema of the user that migrates, which its
// search_path finds as "$user". Another user changes keys there.
func TestSchemaOfOwner(t *testing.T) {
	t.Parallel()
	server := servers.Server(t)
	admin := open(t, dial(t, servers.Database(t)))
	name := value[string](t, admin, "SELECT current_database()")
	execute(t, admin, "CREATE USER keeper PASSWORD 'k'; CREATE USER clerk PASSWORD 'c'; CREATE SCHEMA AUTHORIZATION keeper")
	t.Cleanup(func() {
		_ = server.Exec("DROP DATABASE " + name + " WITH (FORCE)")
		_ = server.Exec("DROP USER keeper, clerk")
	})
	keeper := open(t, dial(t, server.DSNAs("keeper", "k", name)))
	require.NoError(t, keeper.Migrate(t.Context()))
	execute(t, keeper, "GRANT USAGE ON SCHEMA keeper TO clerk; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA keeper TO clerk")

	clerk := open(t, dial(t, server.DSNAs("clerk", "c", name)+"&search_path=keeper"))
	digest := apikey.DigestOf("k")
	require.NoError(t, clerk.InsertKey(t.Context(), apikey.Key{ID: "k", Digest: digest}))
	k, err := clerk.KeyByDigest(t.Context(), digest)
	require.NoError(t, err)
	require.Equal(t, "k", k.ID)
}
