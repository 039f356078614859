package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// accessQuery reads a key, its links, the groups above it and the plans of both, in one
// statement and so at one instant. Each row has one of the four records, and NULL in the
// columns of the other three.
const accessQuery = `WITH RECURSIVE
k AS (SELECT * FROM ration_keys WHERE %s),
l AS (SELECT ration_links.* FROM k JOIN ration_links ON key_id = k.id),
up AS (
	SELECT ration_groups.*, 1 AS depth FROM k JOIN ration_groups ON ration_groups.id = k.group_id
	UNION ALL
	SELECT ration_groups.*, up.depth + 1 FROM up JOIN ration_groups ON ration_groups.id = up.parent_id WHERE up.depth <= %d
),
p AS (SELECT * FROM ration_plans WHERE id IN (SELECT plan_id FROM l UNION SELECT plan_id FROM up)),
part AS (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)
SELECT %s, %s, %s, %s
FROM part LEFT JOIN k ON part.n = 1 LEFT JOIN l ON part.n = 2 LEFT JOIN up ON part.n = 3 LEFT JOIN p ON part.n = 4
ORDER BY part.n, l.seq, up.depth`

// prepareAccess writes the statements of AccessByKey and AccessByDigest.
func (s *Store) prepareAccess() {
	query := func(where string) string {
		return fmt.Sprintf(accessQuery, where, usageplan.MaxGroups, s.keys.list("k"), s.links.list("l"), s.groups.list("up"), s.plans.list("p"))
	}
	s.access = query("id = " + s.dialect.parameter(1, Text))
	s.digest = query(fmt.Sprintf("seq = (SELECT key_seq FROM ration_digests WHERE digest = %s)", s.dialect.parameter(1, Bytes)))
}

// AccessByDigest implements usageplan.AccessReader. It makes one round trip.
func (s *Store) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.readAccess(ctx, s.digest, digestValue(d))
	return a, s.failed(ctx, "access by digest", err)
}

// AccessByKey implements usageplan.AccessReader. It makes one round trip.
func (s *Store) AccessByKey(ctx context.Context, keyID string) (usageplan.Access, error) {
	a, err := s.readAccess(ctx, s.access, escapeText(keyID))
	return a, s.failed(ctx, fmt.Sprintf("access of key %q", keyID), err)
}

func (s *Store) readAccess(ctx context.Context, statement string, of any) (a usageplan.Access, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	type access struct {
		usageplan.Access
		found bool // a row has the key
	}
	read, err := query(ctx, s.db, statement, []any{of}, func(a *access, row Row) error {
		k, l := reading[apikey.Key]{table: s.keys}, reading[usageplan.Link]{table: s.links}
		g, p := reading[usageplan.Group]{table: s.groups}, reading[usageplan.Plan]{table: s.plans}
		if err := row.Scan(slices.Concat(k.cells(), l.cells(), g.cells(), p.cells())...); err != nil {
			return err
		}
		if key, err := k.result(); err != nil {
			return err
		} else if k.seq != 0 {
			a.Key, a.found = key, true
		}
		return errors.Join(appendTo(&a.Links, &l), appendTo(&a.Groups, &g), appendTo(&a.Plans, &p))
	})
	switch {
	case err != nil:
		return a, err
	case !read.found:
		return a, apikey.ErrNotFound
	}
	return read.Access, nil
}

// appendTo appends the record that r has read, if the row has one.
func appendTo[T any](list *[]T, r *reading[T]) error {
	record, err := r.result()
	if err == nil && r.seq != 0 {
		*list = append(*list, record)
	}
	return err
}
