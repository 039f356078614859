package redis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/usageplan"
)

var planVerdicts = verdicts{usageplan.ErrExists, usageplan.ErrNotFound, usageplan.ErrConflict}

// InsertPlan implements usageplan.Store.
func (s *Store) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.Version = 1
	return s.changePlan(ctx, "insert", 0, p)
}

// UpdatePlan implements usageplan.Store.
func (s *Store) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	found := p.Version
	p.Version++
	return s.changePlan(ctx, "update", found, p)
}

// DeletePlan implements usageplan.Store.
func (s *Store) DeletePlan(ctx context.Context, id string, version int64) error {
	return s.changePlan(ctx, "delete", version, usageplan.Plan{ID: id})
}

// Plan implements usageplan.Store.
func (s *Store) Plan(ctx context.Context, id string) (p usageplan.Plan, err error) {
	record, err := s.getRecord(ctx, "plans", id)
	if rueidis.IsRedisNil(err) {
		err = usageplan.ErrNotFound
	}
	if err == nil {
		p, err = decode[usageplan.Plan](record)
	}
	if err != nil {
		return usageplan.Plan{}, commandError(err, "plan %q", id)
	}
	return p, nil
}

// Plans implements usageplan.Store.
func (s *Store) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	l := listing[usageplan.Plan]{
		order: "plans-by-age", records: "plans", read: decode[usageplan.Plan], invalid: usageplan.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", commandError(err, "plans")
	}
	return page, next, nil
}

// changePlan inserts, updates or deletes the plan that has p's id. An update expects the
// version found, and so does a deletion unless found is 0.
func (s *Store) changePlan(ctx context.Context, verb string, found int64, p usageplan.Plan) (err error) {
	record := ""
	if verb != "delete" {
		record, err = encode(p.Version, nil, p)
	}
	if err == nil {
		err = s.change(ctx, change{
			verb: verb, id: p.ID, records: "plans", name: p.ID, version: found, record: record,
			listed: []place{{"plans-by-age", p.ID}},
		}, planVerdicts)
	}
	if err != nil {
		return commandError(err, "%s plan %q", verb, p.ID)
	}
	return nil
}
