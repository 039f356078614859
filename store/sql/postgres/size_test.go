package postgres

import (
	"testing"

	"github.com/ration-go/ration/store/sql/internal/directorytest"
)

// sized returns a directory of many keys.
func sized(t *testing.T, keys int) directorytest.Sized {
	s := migrated(t)
	for _, statement := range []string{
		`INSERT INTO ration_keys (id, name, customer_id, group_id, enabled, digest, created)
			SELECT 'key-' || n, 'name', 'customer-' || n / 100, 'group-' || n % ($1::bigint / 100), true, sha256(convert_to('key-' || n, 'UTF8')), now()
			FROM generate_series(0, $1::bigint - 1) AS n`,
		`INSERT INTO ration_links (plan_id, key_id, allowance) SELECT 'plan-0', 'key-' || n, 'plan-0' FROM generate_series(0, $1::bigint - 1) AS n`,
		`INSERT INTO ration_links (plan_id, key_id, allowance) SELECT 'plan-' || 1 + n / 100, 'key-' || n, 'x' FROM generate_series(0, $1::bigint - 1) AS n`,
		`INSERT INTO ration_plans (id, limits) SELECT 'plan-' || n, '{"throttle": "5/s", "quotas": ["1000/month"]}' FROM generate_series(0, $1::bigint / 100) AS n`,
		`INSERT INTO ration_groups (id) SELECT 'group-' || n FROM generate_series(0, $1::bigint / 100 - 1) AS n`,
	} {
		execute(t, s, statement, keys)
	}
	execute(t, s, "VACUUM ANALYZE")
	return directorytest.Sized{Store: s, Keys: keys}
}

// TestSizes compares 1,000,000 keys with 10,000, if RATION_MANY_ROUNDS is set.
func TestSizes(t *testing.T) {
	directorytest.TestSizes(t, func(keys int) directorytest.Sized { return sized(t, keys) })
}
