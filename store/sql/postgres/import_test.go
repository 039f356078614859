package postgres

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// importStatements returns those of docs/databases.md, for keys and for links.
func importStatements(t *testing.T) (statements []string) {
	page, err := os.ReadFile("../../../docs/databases.md")
	require.NoError(t, err)
	for _, block := range strings.Split(string(page), "```sql\n")[1:] {
		if code, _, _ := strings.Cut(block, "```"); strings.Contains(code, "FROM api_keys") {
			statements = append(statements, code)
		}
	}
	require.Len(t, statements, 2)
	return statements
}

// oddSecrets are secrets of other systems.
var oddSecrets = []string{
	"sk_live_51HxPq2eZvKYlo2CabcDEF", "550e8400-e29b-41d4-a716-446655440000", "dGhpcyBpcyBhIGtleSBvZiBvdXJz==", "AKIA.0123456789/abc+def~!",
	"schlüssel-für-äöü-0123456789",
}

// TestImport copies a table of a service by the SQL of docs/databases.md, twice, and asks
// a Gate for the imported keys.
func TestImport(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	const rows = 25_000
	execute(t, s, `CREATE TABLE api_keys (id bigint PRIMARY KEY, customer_id bigint, name text NOT NULL, key_hash text NOT NULL,
		plan text NOT NULL, revoked_at timestamptz, created_at timestamptz)`)
	execute(t, s, `INSERT INTO api_keys SELECT n, n / 10, 'it''s ' || n, encode(sha256(convert_to('a secret of mine, number ' || n, 'UTF8')), 'hex'), 'old',
		CASE WHEN n % 7 = 0 THEN now() END, '2020-02-03 04:05:06+07' FROM generate_series(1, $1::bigint) AS n`, rows)
	for i, secret := range oddSecrets {
		digest := apikey.DigestOf(secret)
		execute(t, s, "INSERT INTO api_keys VALUES ($1, NULL, 'odd', $2, 'old')", rows+1+i, hex.EncodeToString(digest[:]))
	}
	for range 2 {
		began := time.Now()
		for from := int64(0); from < rows+int64(len(oddSecrets)); from += 10_000 {
			for _, statement := range importStatements(t) {
				execute(t, s, statement, from, from+10_000)
			}
		}
		t.Logf("%d keys with a link each in %v", rows, time.Since(began).Round(time.Millisecond))
	}
	require.EqualValues(t, rows+len(oddSecrets), value[int64](t, s, "SELECT count(*) FROM ration_keys"))
	require.EqualValues(t, rows+len(oddSecrets), value[int64](t, s, "SELECT count(*) FROM ration_digests"))

	r, err := ration.New(s, ration.Config{Gate: patient, Keys: apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}})
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Plans.Create(t.Context(), usageplan.Plan{ID: "old", Throttle: &limiter.Limit{Rate: 1, Burst: 100}})
	require.NoError(t, err)
	h := r.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	status := func(secret string) int {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		req.Header.Set("X-API-Key", secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	for _, secret := range append(oddSecrets, "a secret of mine, number 1", fmt.Sprint("a secret of mine, number ", rows)) {
		if strings.ContainsAny(secret, " ü") { // a header field has neither
			_, err := r.Keys.GetBySecret(t.Context(), apikey.Secret(secret))
			require.NoError(t, err)
			continue
		}
		require.Equal(t, 200, status(secret), secret)
	}
	require.Equal(t, 401, status("sk_live_51HxPq2eZvKYlo2CabcDEf"))
	k, err := s.Key(t.Context(), "old-8")
	require.NoError(t, err)
	require.Equal(t, "it's 8", k.Name)
	require.True(t, k.Enabled)
	require.True(t, k.Created.Equal(time.Date(2020, 2, 2, 21, 5, 6, 0, time.UTC)))

	execute(t, s, "INSERT INTO api_keys SELECT -1, NULL, 'double', key_hash, 'old' FROM api_keys WHERE id = 1")
	_, err = s.pool.Exec(t.Context(), importStatements(t)[0], -2, 0)
	require.ErrorContains(t, err, "ration_digests")
}
