package usageplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/retry"
)

// MoveKey puts a key into a group, or takes it out of its group if groupID is empty. It
// returns the key as it is stored then. The use so far stays charged to the groups that
// were above the key, and is not charged to the new ones.
//
// Within a family of groups, only the GroupID changes. Otherwise the tokens and counts of
// the key move first, by store.Move, and then the key changes. In between, a Gate refuses
// the key for a moment. It never admits more than the limits allow.
//
// After ErrExists, errors.ErrUnsupported and the errors for a key or group that is not
// there, the key is in its old group with all its counts. After any other error, or if
// the process ends meanwhile, some counts may have moved while the key has not. A Gate
// then refuses the key. Call MoveKey again within store.ClosedFor. Any group will do: the
// counts follow the key from wherever they are, also back to the group that the key is
// in.
//
// The counts of a link that is moved to another plan meanwhile move along. If a link is
// added meanwhile, what it has used before the key changes may stay behind.
//
// Caution: the counts of a link that was removed before stay where they are. If the key
// is linked to that plan again in another family, the link begins with nothing used. If
// those counts once came from that family, a Gate refuses the key instead. Call MoveKey
// with the group that the key is in, which fetches the counts.
//
// Caution: a key whose group, or a group above it, does not exist is not moved. Its
// family is unknown, and the key would begin with nothing used. Create the group again,
// with its ID and its ParentID, and then move the key.
//
// Errors: apikey.ErrNotFound if there is no such key; ErrNotFound if the group, the group
// that the key is in, or a group above one of them does not exist; ErrInvalid if one of
// them has too many groups up to the root; ErrExists if the key has counts of an earlier
// link in the new family, which the text says how to mend; errors.ErrUnsupported if the
// counter cannot move counts; and ErrConflict if others were faster 16 times in a row.
func (s *Groups) MoveKey(ctx context.Context, keyID, groupID string) (k apikey.Key, err error) {
	err = retry.Do(ctx, func() (raced bool, err error) {
		if k, err = s.keys.Key(ctx, keyID); err != nil {
			return false, fmt.Errorf("usageplan: move key %s: %w", keyID, err)
		}
		m := move{Groups: s, keyID: k.ID}
		if m.from, m.to, err = s.families(ctx, &k, groupID); err != nil {
			return false, err
		}
		if err := m.moveCounts(ctx); err != nil {
			return m.giveUp(ctx, &k, err)
		}
		if k.GroupID == groupID && !m.fetched {
			return false, nil
		}
		before := k
		k.GroupID = groupID
		if raced, err := m.writeKey(ctx, &k); err != nil {
			return raced, err
		}
		s.history.keyMoved(ctx, &before, &k)

		// A link may have been added after moveCounts had read the links. If it was charged in
		// both families since, nothing can bring the two counts together.
		if err := m.moveCounts(ctx); !errors.Is(err, ErrExists) {
			return false, err
		}
		return false, nil
	})
	if err != nil {
		return apikey.Key{}, err
	}
	return k, nil
}

// families returns the roots of the groups that a key is in and will be in. They are
// empty for no group.
func (s *Groups) families(ctx context.Context, k *apikey.Key, groupID string) (from, to string, err error) {
	if k.GroupID != "" {
		if from, err = s.rootOf(ctx, k.GroupID); err != nil {
			return "", "", fmt.Errorf("usageplan: move key %s out of group %s, whose family is unknown: %w", k.ID, k.GroupID, err)
		}
	}
	above, err := Lineage(ctx, s.groups, groupID)
	if err != nil {
		return "", "", err
	}
	if len(above) > 0 {
		to = above[len(above)-1].ID
	}
	return from, to, nil
}
