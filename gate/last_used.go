package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// A LastUse says when a key was last used, at a resolution of a minute. Times are in UTC,
// and are the start of the minute.
type LastUse struct {
	KeyID string `json:"keyId"`

	// At is when the last request was admitted. It is zero if none was in Config.Keep.
	At time.Time `json:"at,omitzero"`

	// Unknown says that it cannot be known when the key was used, because one of its groups
	// does not exist. A Gate refuses all requests of such a key.
	Unknown bool `json:"unknown,omitzero"`

	// Rotation is nil unless two secrets of the key are good, after a rotation.
	Rotation *RotationUse `json:"rotation,omitzero"`
}

// A RotationUse says when each of the two secrets of a key was last used since the
// rotation. A time is zero if the secret was not used since then. Once all clients have
// the new secret, Retiring stays as it is, and the old secret may end.
type RotationUse struct {
	Current       time.Time `json:"current,omitzero"`
	Retiring      time.Time `json:"retiring,omitzero"`
	RetiringUntil time.Time `json:"retiringUntil"`
}

// LastUsed returns when keys were last used, in the order of their IDs. A key that does
// not exist reads as unused.
//
// A use is a request that was admitted and charged. So these are no uses: a refusal, a
// Peek, a request that was repeated with its ID, and a request that a failure policy
// admitted. Further costs of a request (Request.More) are none either, so a stream is
// used when it begins. A refund does not undo a use. A key without a plan, which only
// Config.InsecureAllowNoPlan admits, has no uses unless it is in a group. Uses under a
// plan are forgotten when the link of the key to the plan is removed, and all uses after
// Config.Keep, or after quota.MaxWindows days.
//
// LastUsed reads the usage records that every charge writes anyway. While two secrets of
// a key are good, each charge of the key has one more record, of its secret. A process
// that has not heard of the rotation yet does not write it: see Config.MaxAge. Requests
// by Request.KeyID are of no secret.
//
// With leases, a time may be later by lease.Config.Life.
//
// LastUsed reads each key and its links, several keys at a time. Then it reads the counts
// of all keys in two calls of the Counter, and those of each key with two secrets in one
// call more.
func (g *Gate) LastUsed(ctx context.Context, keyIDs ...string) ([]LastUse, error) {
	keys := make([]apikey.Key, len(keyIDs))
	err := g.forEach(len(keys), func(i int) error {
		k, err := g.resolver.keys.Key(ctx, keyIDs[i])
		if err != nil && !errors.Is(err, apikey.ErrNotFound) {
			return fmt.Errorf("gate: key %s: %w", keyIDs[i], err)
		}
		keys[i] = k
		keys[i].ID = keyIDs[i]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g.lastUses(ctx, time.Now(), keys)
}

// lastUses returns when keys were last used.
func (g *Gate) lastUses(ctx context.Context, now time.Time, keys []apikey.Key) ([]LastUse, error) {
	r, err := g.newLastReader(ctx, now, keys)
	if err != nil {
		return nil, err
	}
	if err := r.readAll(ctx); err != nil {
		return nil, fmt.Errorf("gate: last use: %w", err)
	}
	return r.uses, r.readRotations(ctx)
}

// rootsOf returns the roots of the groups of keys, by the IDs of the groups. A group that
// does not exist, or whose root does not, has none.
func (g *Gate) rootsOf(ctx context.Context, keys []apikey.Key) (map[string]string, error) {
	roots := map[string]string{"": ""}
	var groups []string
	for i := range keys {
		if id := keys[i].GroupID; id != "" {
			groups = append(groups, id)
		}
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)

	found := make([]string, len(groups))
	err := g.forEach(len(groups), func(i int) (err error) {
		found[i], err = g.rootOf(ctx, groups[i])
		if errors.Is(err, usageplan.ErrNotFound) || errors.Is(err, usageplan.ErrNoGroups) {
			return nil
		}
		return err
	})
	for i, root := range found {
		if root != "" {
			roots[groups[i]] = root
		}
	}
	return roots, err
}

// subjectsOfKey returns all subjects that pay for a key: those of its links, and that of
// its requests without a link. root is the root of the key's group.
func (g *Gate) subjectsOfKey(ctx context.Context, keyID, root string) (subjects []string, err error) {
	links, err := g.plans.KeyLinks(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("gate: links of key %s: %w", keyID, err)
	}
	for i := range links {
		subjects = append(subjects, usageplan.KeySubject(root, keyID, links[i].Allowance))
	}
	return append(subjects, usageplan.KeySubject(root, keyID, "")), nil
}

// recordDays returns for how many days usage records are read, with today.
func (g *Gate) recordDays() int {
	const day = 24 * time.Hour
	return int(min(g.cfg.Keep/day+2, quota.MaxWindows)) // both ends are parts of a day
}
