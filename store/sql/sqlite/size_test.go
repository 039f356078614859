package sqlite_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/internal/directorytest"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// sized returns a directory of many keys.
func sized(t *testing.T, keys int) directorytest.Sized {
	path := filepath.Join(t.TempDir(), "ration.db")
	s := open(t, path, sqlite.Config{})
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	tx, err := db.Begin()
	require.NoError(t, err)
	exec := func(statement string, args ...any) {
		_, err := tx.Exec(statement, args...)
		require.NoError(t, err)
	}
	insert, err := tx.Prepare(`INSERT INTO ration_keys (id, name, customer_id, group_id, enabled, digest, created)
		VALUES ($1, 'name', $2, $3, 1, $4, '2026-11-30 12:00:00.000000')`)
	require.NoError(t, err)
	link, err := tx.Prepare("INSERT INTO ration_links (plan_id, key_id, allowance) VALUES ($1, $2, $1)")
	require.NoError(t, err)
	for i := range keys {
		id := fmt.Sprint("key-", i)
		digest := sha256.Sum256([]byte(id))
		_, err := insert.Exec(id, fmt.Sprint("customer-", i/100), fmt.Sprint("group-", i%(keys/100)), digest[:])
		require.NoError(t, err)
		_, err = link.Exec("plan-0", id)
		require.NoError(t, err)
		_, err = link.Exec(fmt.Sprint("plan-", 1+i/100), id)
		require.NoError(t, err)
	}
	for i := range keys/100 + 1 {
		exec(`INSERT INTO ration_plans (id, limits) VALUES ($1, '{"throttle": "5/s", "quotas": ["1000/month"]}')`, fmt.Sprint("plan-", i))
		exec("INSERT INTO ration_groups (id) VALUES ($1)", fmt.Sprint("group-", i))
	}
	require.NoError(t, tx.Commit())
	return directorytest.Sized{Store: s, Keys: keys}
}

// TestSizes compares 1,000,000 keys with 10,000, if RATION_MANY_ROUNDS is set.
func TestSizes(t *testing.T) {
	directorytest.TestSizes(t, func(keys int) directorytest.Sized { return sized(t, keys) })
}
