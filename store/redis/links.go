package redis

import (
	"context"
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
	records, err := s.query(ctx, linksScript, []string{s.directoryKey(linksOfKey(keyID)), s.directoryKey("links")}, []string{keyID}).AsStrSlice()
	if err == nil {
		links, err = decodeAll(records, decode[usageplan.Link])
	}
	if err != nil {
		return nil, commandError(err, "links of key %q", keyID)
	}
	return links, nil
}

// PlanLinks implements usageplan.Store.
func (s *Store) PlanLinks(ctx context.Context, planID, cursor string, limit int) ([]usageplan.Link, string, error) {
	l := listing[usageplan.Link]{
		order: linksOfPlan(planID), records: "links", before: linkName(planID, ""),
		read: decode[usageplan.Link], invalid: usageplan.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", commandError(err, "links of plan %q", planID)
	}
	return page, next, nil
}

// changeLink inserts, updates or deletes the link of l's plan and key. An update expects
// the version found.
func (s *Store) changeLink(ctx context.Context, verb string, found int64, l usageplan.Link) (err error) {
	record := ""
	if verb != "delete" {
		record, err = encode(l.Version, nil, l)
	}
	if err == nil {
		err = s.change(ctx, change{
			verb: verb, id: l.KeyID, records: "links", name: linkName(l.PlanID, l.KeyID), version: found, record: record,
			listed: []place{{linksOfPlan(l.PlanID), l.KeyID}, {linksOfKey(l.KeyID), l.PlanID}},
		}, planVerdicts)
	}
	if err != nil {
		return commandError(err, "%s link of plan %q and key %q", verb, l.PlanID, l.KeyID)
	}
	return nil
}

// linkName returns the name of a link among the records. The length says where the plan's
// id ends, so that any bytes may be in an id. With an empty keyID it is the prefix of all
// links of the plan.
func linkName(planID, keyID string) string { return strconv.Itoa(len(planID)) + ":" + planID + keyID }

func linksOfPlan(id string) string { return "links-of-plan:" + id }

func linksOfKey(id string) string { return "links-of-key:" + id }
