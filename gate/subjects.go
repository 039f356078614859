package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// subjectOf returns the subject of a link.
func (g *Gate) subjectOf(ctx context.Context, l *usageplan.Link) (string, error) {
	subjects, err := g.subjectsOf(ctx, []usageplan.Link{*l})
	if err != nil {
		return "", err
	}
	return subjects[0], nil
}

// subjectsOf returns the subjects of many links. It reads the key of each link, because
// the subject depends on the group of the key. A missing group is an error: the subject
// of the key is then unknown, and under a wrong one nothing would be found.
func (g *Gate) subjectsOf(ctx context.Context, links []usageplan.Link) ([]string, error) {
	subjects := make([]string, len(links))
	roots := map[string]string{"": ""} // of the groups that were read
	for i, l := range links {
		groupID, err := g.groupOf(ctx, l.KeyID)
		if err != nil {
			return nil, err
		}
		root, seen := roots[groupID]
		if !seen {
			if root, err = g.rootOf(ctx, groupID); err != nil {
				return nil, err
			}
			roots[groupID] = root
		}
		subjects[i] = usageplan.KeySubject(root, l.KeyID, l.Allowance)
	}
	return subjects, nil
}

// groupOf returns the ID of a key's group. A key that was deleted has none.
func (g *Gate) groupOf(ctx context.Context, keyID string) (string, error) {
	k, err := g.resolver.keys.Key(ctx, keyID)
	if err != nil && !errors.Is(err, apikey.ErrNotFound) {
		return "", fmt.Errorf("gate: key %s: %w", keyID, err)
	}
	return k.GroupID, nil
}

// rootOf returns the ID of the root of a group's family.
func (g *Gate) rootOf(ctx context.Context, groupID string) (string, error) {
	lineage, err := g.lineage(ctx, groupID)
	if err != nil {
		return "", err
	}
	return lineage[len(lineage)-1].ID, nil
}

// lineage returns a group and the groups above it, from the bottom to the root.
func (g *Gate) lineage(ctx context.Context, groupID string) ([]usageplan.Group, error) {
	switch {
	case g.resolver.groups == nil:
		return nil, fmt.Errorf("gate: group %q: %w", groupID, usageplan.ErrNoGroups)
	case groupID == "":
		return nil, fmt.Errorf("gate: group %q: %w", groupID, usageplan.ErrNotFound)
	}
	lineage, err := usageplan.Lineage(ctx, g.resolver.groups, groupID)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	return lineage, nil
}
