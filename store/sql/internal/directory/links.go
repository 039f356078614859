package directory

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/usageplan"
)

func linkTable() *table[usageplan.Link] {
	return &table[usageplan.Link]{
		name: "ration_links", ids: 2, fields: linkFields, faults: planFaults,
		label: func(l *usageplan.Link) string { return fmt.Sprintf("link of plan %q and key %q", l.PlanID, l.KeyID) },
	}
}

func linkFields(l *usageplan.Link) []field {
	return []field{
		textField("plan_id", &l.PlanID),
		textField("key_id", &l.KeyID),
		textField("allowance", &l.Allowance),
		linkLimits(l),
		timeField("created", &l.Created),
		intField("version", &l.Version),
	}
}

// InsertLink implements usageplan.Store.
func (s *Store) InsertLink(ctx context.Context, l usageplan.Link) error {
	l.Version = 1
	return insert(ctx, s, s.links, &l, l.KeyID)
}

// UpdateLink implements usageplan.Store.
func (s *Store) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return update(ctx, s, s.links, &l, l.KeyID)
}

// DeleteLink implements usageplan.Store.
func (s *Store) DeleteLink(ctx context.Context, planID, keyID string) error {
	return remove(ctx, s, s.links, &usageplan.Link{PlanID: planID, KeyID: keyID}, keyID)
}

// KeyLinks implements usageplan.Store.
func (s *Store) KeyLinks(ctx context.Context, keyID string) (links []usageplan.Link, err error) {
	if err = ctx.Err(); err == nil {
		statement := fmt.Sprintf("SELECT %s FROM ration_links WHERE key_id = %s ORDER BY seq",
			s.links.list(s.links.name), s.dialect.parameter(1, Text))
		links, err = query(ctx, s.db, statement, []any{escapeText(keyID)}, readRecord(s.links))
	}
	if err != nil {
		return nil, s.failed(ctx, fmt.Sprintf("links of key %q", keyID), err)
	}
	return links, nil
}

// PlanLinks implements usageplan.Store.
func (s *Store) PlanLinks(ctx context.Context, planID, cursor string, limit int) ([]usageplan.Link, string, error) {
	of := filter{column: "plan_id", value: escapeText(planID), indexed: true, always: true}
	links, next, err := list(ctx, s, s.links, cursor, limit, all, of)
	return links, next, s.failed(ctx, fmt.Sprintf("links of plan %q", planID), err)
}
