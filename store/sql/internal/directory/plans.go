package directory

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/usageplan"
)

// planFaults are the errors for plans, links and groups.
var planFaults = faults{usageplan.ErrExists, usageplan.ErrNotFound, usageplan.ErrConflict, usageplan.ErrInvalid}

func planTable() *table[usageplan.Plan] {
	return &table[usageplan.Plan]{
		name: "ration_plans", ids: 1, fields: planFields, faults: planFaults,
		label: func(p *usageplan.Plan) string { return fmt.Sprintf("plan %q", p.ID) },
	}
}

func planFields(p *usageplan.Plan) []field {
	return []field{
		textField("id", &p.ID),
		textField("name", &p.Name),
		textField("description", &p.Description),
		planLimits(p),
		listField("stages", &p.Stages),
		boolField("detached", &p.Detached),
		textField("product_code", &p.ProductCode),
		tagsField("tags", &p.Tags),
		timeField("created", &p.Created),
		timeField("updated", &p.Updated),
		intField("version", &p.Version),
	}
}

// InsertPlan implements usageplan.Store.
func (s *Store) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.Version = 1
	return insert(ctx, s, s.plans, &p, p.ID)
}

// UpdatePlan implements usageplan.Store.
func (s *Store) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return update(ctx, s, s.plans, &p, p.ID)
}

// DeletePlan implements usageplan.Store.
func (s *Store) DeletePlan(ctx context.Context, id string, version int64) error {
	return remove(ctx, s, s.plans, &usageplan.Plan{ID: id, Version: version}, id)
}

// Plan implements usageplan.Store.
func (s *Store) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := find(ctx, s, s.plans, s.plans.sql.one, escapeText(id))
	return p, s.failed(ctx, fmt.Sprintf("plan %q", id), err)
}

// Plans implements usageplan.Store.
func (s *Store) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := list(ctx, s, s.plans, cursor, limit, all)
	return plans, next, s.failed(ctx, "plans", err)
}
