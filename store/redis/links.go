package redis

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ration-go/ration/usageplan"
)

// InsertLink implements usageplan.Store.
func (s *Store) InsertLink(ctx context.Context, l usageplan.Link) error {
	l.Version = 1
	return s.changeLink(ctx, "insert", 0, l)
}

// UpdateLink implements usageplan.Store.
func (s *Store) UpdateLink(ctx context.Context, l usageplan.Link) error {
	found := l.Version
	l.Version++
	return s.changeLink(ctx, "update", found, l)
}

// DeleteLink implements usageplan.Store.
func (s *Store) DeleteLink(ctx context.Context, planID, keyID string) error {
	return s.changeLink(ctx, "delete", 0, usageplan.Link{PlanID: planID, KeyID: keyID})
}

// KeyLinks implements usageplan.Store.
func (s *Store) KeyLinks(ctx context.Context, keyID string) (links []usageplan.Link, err error) {
	records, err := s.ask(ctx, linking, []string{s.named(ofKey(keyID)), s.named("links")}, []string{keyID}).AsStrSlice()
	if err == nil {
		links, err = each(records, decode[usageplan.Link])
	}
	if err != nil {
		return nil, fmt.Errorf("store/redis: links of key %q: %w", keyID, err)
	}
	return links, nil
}

// PlanLinks implements usageplan.Store.
func (s *Store) PlanLinks(ctx context.Context, planID, cursor string, limit int) ([]usageplan.Link, string, error) {
	l := listing[usageplan.Link]{
		order: ofPlan(planID), records: "links", before: linkName(planID, ""),
		read: decode[usageplan.Link], invalid: usageplan.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("store/redis: links of plan %q: %w", planID, err)
	}
	return page, next, nil
}

// changeLink makes l of the link of its plan and key; found is the version that an update
// wants to find.
func (s *Store) changeLink(ctx context.Context, verb string, found int64, l usageplan.Link) (err error) {
	record := ""
	if verb != "delete" {
		record, err = encode(l.Version, nil, l)
	}
	if err == nil {
		err = s.change(ctx, change{
			verb: verb, id: l.KeyID, records: "links", name: linkName(l.PlanID, l.KeyID), version: found, record: record,
			listed: []place{{ofPlan(l.PlanID), l.KeyID}, {ofKey(l.KeyID), l.PlanID}},
		}, planVerdicts)
	}
	if err != nil {
		return fmt.Errorf("store/redis: %s link of plan %q and key %q: %w", verb, l.PlanID, l.KeyID, err)
	}
	return nil
}

// linkName is the name of a link among the records. The length tells where the plan's id
// ends, whatever is in it.
func linkName(planID, keyID string) string { return strconv.Itoa(len(planID)) + ":" + planID + keyID }

func ofPlan(id string) string { return "links-of-plan:" + id }

func ofKey(id string) string { return "links-of-key:" + id }
