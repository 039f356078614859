package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// AccessByDigest implements usageplan.AccessReader. It makes one round trip.
func (s *Store) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	return s.access(ctx, "access by digest", "digest", string(d[:]))
}

// AccessByKey implements usageplan.AccessReader. It makes one round trip.
func (s *Store) AccessByKey(ctx context.Context, keyID string) (usageplan.Access, error) {
	return s.access(ctx, fmt.Sprintf("access of key %q", keyID), "id", keyID)
}

// access reads all that is known of the key that has value: a digest or an id, as by
// says. Errors begin with what.
func (s *Store) access(ctx context.Context, what, by, value string) (a usageplan.Access, err error) {
	keys := []string{s.directoryKey("digests"), s.directoryKey("keys"), s.directoryKey("links"), s.directoryKey("plans")}
	reply, err := s.query(ctx, accessScript, keys, []string{by, value, s.directoryKey("")}).ToArray()
	if rueidis.IsRedisNil(err) {
		err = apikey.ErrNotFound
	}
	if err == nil {
		a, err = decodeAccess(reply)
	}
	if err != nil {
		return usageplan.Access{}, commandError(err, "%s", what)
	}
	return a, nil
}

// decodeAccess decodes the reply of access.lua: a key, pairs of a link and its plan, and
// for a key in a group a list of pairs of a group and its plan.
func decodeAccess(reply []rueidis.RedisMessage) (a usageplan.Access, err error) {
	if len(reply) == 0 {
		return a, errors.New("reply of 0 parts: want a key, and pairs of a link and a plan")
	}
	if a.Key, err = decodeAs(&reply[0], decodeKey); err != nil {
		return a, err
	}
	links := reply[1:]
	var groups []rueidis.RedisMessage
	if last := len(links) - 1; len(links)%2 != 0 {
		if groups, err = links[last].ToArray(); err != nil {
			return a, fmt.Errorf("groups: %w", err)
		}
		links = links[:last]
	}
	if err := decodeLinks(&a, links); err != nil {
		return a, err
	}
	return a, decodeGroups(&a, groups)
}

// decodeLinks adds the links and their plans to a.
func decodeLinks(a *usageplan.Access, pairs []rueidis.RedisMessage) error {
	for i := 0; i < len(pairs); i += 2 {
		link, err := decodeAs(&pairs[i], decode[usageplan.Link])
		if err != nil {
			return fmt.Errorf("link: %w", err)
		}
		a.Links = append(a.Links, link)
		if err := decodePlan(a, link.PlanID, &pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// decodeGroups adds the groups and their plans to a.
func decodeGroups(a *usageplan.Access, pairs []rueidis.RedisMessage) error {
	if len(pairs)%2 != 0 {
		return fmt.Errorf("groups: reply of %d parts: want pairs of a group and a plan", len(pairs))
	}
	id := a.Key.GroupID
	for i := 0; i < len(pairs); i += 2 {
		group, err := decodeAs(&pairs[i], decodeGroup)
		if err != nil {
			return fmt.Errorf("group %q: %w", id, err)
		}
		a.Groups = append(a.Groups, group)
		id = group.ParentID
		if err := decodePlan(a, group.PlanID, &pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// decodePlan adds the plan with an id to a. There is none if it was deleted, or if a has
// it already.
func decodePlan(a *usageplan.Access, id string, part *rueidis.RedisMessage) error {
	if part.IsNil() {
		return nil
	}
	plan, err := decodeAs(part, decode[usageplan.Plan])
	if err != nil {
		return fmt.Errorf("plan %q: %w", id, err)
	}
	a.Plans = append(a.Plans, plan)
	return nil
}

// decodeAs decodes a record that is one part of a reply.
func decodeAs[T any](part *rueidis.RedisMessage, decode func(record string) (T, error)) (value T, err error) {
	record, err := part.ToString()
	if err != nil {
		return value, err
	}
	return decode(record)
}
