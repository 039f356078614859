package redis

import (
	"context"
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
	reply, err := s.query(ctx, accessScript, keys, []string{by, value, s.directoryKey(linksOfKey(""))}).ToArray()
	if rueidis.IsRedisNil(err) {
		err = apikey.ErrNotFound
	}
	if err == nil {
		a, err = decodeAccess(reply)
	}
	if err != nil {
		return usageplan.Access{}, fmt.Errorf("store/redis: %s: %w", what, err)
	}
	return a, nil
}

// decodeAccess decodes the reply of access.lua: a key, and pairs of a link and its plan.
func decodeAccess(reply []rueidis.RedisMessage) (a usageplan.Access, err error) {
	if len(reply)%2 == 0 {
		return a, fmt.Errorf("reply of %d parts: want a key, and pairs of a link and a plan", len(reply))
	}
	if a.Key, err = decodeAs(&reply[0], decodeKey); err != nil {
		return a, err
	}
	for i := 1; i < len(reply); i += 2 {
		link, err := decodeAs(&reply[i], decode[usageplan.Link])
		if err != nil {
			return a, fmt.Errorf("link: %w", err)
		}
		a.Links = append(a.Links, link)
		if reply[i+1].IsNil() {
			continue // the plan of the link was deleted
		}
		plan, err := decodeAs(&reply[i+1], decode[usageplan.Plan])
		if err != nil {
			return a, fmt.Errorf("plan %q: %w", link.PlanID, err)
		}
		a.Plans = append(a.Plans, plan)
	}
	return a, nil
}

// decodeAs decodes a record that is one part of a reply.
func decodeAs[T any](part *rueidis.RedisMessage, decode func(record string) (T, error)) (value T, err error) {
	record, err := part.ToString()
	if err != nil {
		return value, err
	}
	return decode(record)
}
