package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/usageplan"
)

// The next lines are those of docs/databases.md.

type oldKey struct {
	ID, Name, Customer, Plan, Hash string // Hash is a SHA-256 in hexadecimal digits
	Active                         bool
}

// importAll imports the keys of a query, 16 at a time. It never has more rows than that
// in memory.
func importAll(ctx context.Context, rows *sql.Rows, r *ration.Ration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan oldKey)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for k := range queue {
				if err := importOne(ctx, r, k); err != nil {
					cancel(fmt.Errorf("key %s: %w", k.ID, err))
				}
			}
		})
	}
	for ctx.Err() == nil && rows.Next() {
		var k oldKey
		if err := rows.Scan(&k.ID, &k.Name, &k.Customer, &k.Plan, &k.Hash, &k.Active); err != nil {
			cancel(err)
			break
		}
		queue <- k
	}
	close(queue)
	workers.Wait()
	if err := rows.Err(); err != nil {
		cancel(err)
	}
	return context.Cause(ctx)
}

func importOne(ctx context.Context, r *ration.Ration, k oldKey) error {
	var digest apikey.Digest
	if err := digest.UnmarshalText([]byte(k.Hash)); err != nil {
		return err
	}
	key := apikey.Key{ID: k.ID, Name: k.Name, CustomerID: k.Customer, Enabled: k.Active}
	if _, err := r.Keys.ImportDigest(ctx, key, digest); err != nil && !errors.Is(err, apikey.ErrExists) {
		return err
	}
	if err := r.Plans.Link(ctx, k.Plan, k.ID); err != nil && !errors.Is(err, usageplan.ErrExists) {
		return err
	}
	return nil
}

// importPage is the code of docs/databases.md.
func importPage(t *testing.T) string {
	const first, last = "type oldKey struct", "\n```\n"
	page, err := os.ReadFile("../../../docs/databases.md")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(page), first)
	require.True(t, found)
	code, _, _ = strings.Cut(code, last)
	return first + code
}

// TestImport streams a table through a Service, twice, and asks a Gate for keys of odd
// forms. A row that cannot be imported stops the import, and the error names it.
func TestImport(t *testing.T) {
	t.Parallel()
	here, err := os.ReadFile("import_test.go")
	require.NoError(t, err)
	require.Contains(t, string(here), importPage(t))

	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	r, err := ration.New(s, ration.Config{Gate: gate.Config{Timeout: time.Minute, LookupTimeout: time.Minute}, Keys: apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}})
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Plans.Create(t.Context(), usageplan.Plan{ID: "old", Throttle: &limiter.Limit{Rate: 1, Burst: 100}})
	require.NoError(t, err)

	db, err := sql.Open("sqlite", filepath.Join(folder(t), "own.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE api_keys (id, name, customer, plan, hash, active)")
	require.NoError(t, err)
	secrets := []string{"sk_live_51HxPq2eZvKYlo2CabcDEF", "550e8400-e29b-41d4-a716-446655440000", "dGhpcyBpcyBhIGtleSBvZiBvdXJz=="}
	for i := range 300 {
		secrets = append(secrets, fmt.Sprintf("a-secret-of-mine-number-%d", i))
	}
	for i, secret := range secrets {
		digest := apikey.DigestOf(secret)
		_, err = db.Exec("INSERT INTO api_keys VALUES ($1, $2, 'acme', 'old', $3, $4)", fmt.Sprint("old-", i), "it's "+secret[:3], hex.EncodeToString(digest[:]), i%5 != 4)
		require.NoError(t, err)
	}
	run := func() error {
		rows, err := db.Query("SELECT id, name, customer, plan, hash, active FROM api_keys")
		require.NoError(t, err)
		defer rows.Close()
		return importAll(t.Context(), rows, r)
	}
	require.NoError(t, run())
	require.NoError(t, run())
	for i, secret := range secrets {
		d, err := r.Gate.Peek(t.Context(), gate.Request{Secret: apikey.Secret(secret)})
		require.NoError(t, err)
		require.Equal(t, i%5 != 4, d.Reason == gate.Admitted, secret)
	}
	_, err = db.Exec("INSERT INTO api_keys VALUES ('bad', '', '', 'old', 'x', true)")
	require.NoError(t, err)
	require.ErrorContains(t, run(), "key bad: apikey: invalid")
}
