package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/usageplan"
)

// TestPruneGroups deletes groups that a file does not have, few and many of them. Those
// that something needs stay, and each says why.
func TestPruneGroups(t *testing.T) {
	for _, number := range []int{0, 40} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			_, s := inMemory(t)
			create := func(id, parent string) {
				_, err := s.Groups.Create(t.Context(), usageplan.Group{ID: id, ParentID: parent})
				require.NoError(t, err)
			}
			for _, g := range [][2]string{{"top", ""}, {"middle", "top"}, {"full", "middle"}, {"above", ""}, {"kept", "above"}, {"left", ""}, {"joined", ""}, {"root", ""}, {"leaf", "root"}} {
				create(g[0], g[1])
			}
			for i := range number {
				create(fmt.Sprint("g", i), "")
			}
			for id, group := range map[string]string{"b": "full", "mover": "left"} {
				_, _, err := s.Keys.Create(t.Context(), apikey.Key{ID: id, GroupID: group, Enabled: true})
				require.NoError(t, err)
			}
			text := "groups: [{id: kept, parentId: above}]\nkeys: [{id: mover, groupId: ''}, {id: new, groupId: joined, enabled: true, digest: " + digest + "}]\n"
			d, err := plans.Diff(t.Context(), s, parse(t, text), plans.Config{Prune: true})
			require.NoError(t, err)

			var deleted []string
			for _, c := range d.Changes {
				if c.Action == plans.Delete && !strings.HasPrefix(c.Record.ID, "g") {
					deleted = append(deleted, c.Record.ID)
				}
			}
			require.ElementsMatch(t, []string{"left", "leaf", "root"}, deleted)
			var kept []string
			for _, u := range d.Unmanaged {
				if u.Record.Kind == plans.KindGroup {
					kept = append(kept, u.Record.ID+": "+u.Why)
				}
			}
			require.ElementsMatch(t, []string{
				"full: key b is in it", "middle: group full is below it", "top: group middle is below it",
				"above: group kept is below it", "joined: key new is in it",
			}, kept)
			require.Len(t, d.Changes, 3+2+number, "and two changes of keys")
		})
	}
}
