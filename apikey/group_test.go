package apikey_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

var errNoGroup = errors.New("no such group")

// onlyAcme is a CheckGroup that knows one group.
func onlyAcme(_ context.Context, id string) error {
	if id != "acme" {
		return errNoGroup
	}
	return nil
}

// TestCheckGroup checks that every way to create a key asks CheckGroup, that nothing is
// stored if it returns an error, and that it is not asked about a key without a group.
func TestCheckGroup(t *testing.T) {
	for _, c := range []struct {
		group string
		check func(context.Context, string) error
		want  error
	}{
		{"acme", onlyAcme, nil},
		{"blue", onlyAcme, errNoGroup},
		{"", onlyAcme, nil},
		{"blue", nil, nil},
		{"a b", onlyAcme, apikey.ErrInvalid},
		{strings.Repeat("x", 65), nil, apikey.ErrInvalid},
	} {
		_, good, err := must(apikey.NewService(newMapStore(), apikey.Config{KeyFormat: foreign})).Create(t.Context(), apikey.Key{})
		require.NoError(t, err)
		for way, create := range map[string]func(*apikey.Service, apikey.Key) (apikey.Key, error){
			"Create": func(s *apikey.Service, k apikey.Key) (apikey.Key, error) {
				k, _, err := s.Create(t.Context(), k)
				return k, err
			},
			"Import": func(s *apikey.Service, k apikey.Key) (apikey.Key, error) { return s.Import(t.Context(), k, good) },
			"ImportDigest": func(s *apikey.Service, k apikey.Key) (apikey.Key, error) {
				return s.ImportDigest(t.Context(), k, apikey.DigestOf("x"))
			},
		} {
			st := newMapStore()
			s := must(apikey.NewService(st, apikey.Config{KeyFormat: foreign, CheckGroup: c.check}))
			k, err := create(s, apikey.Key{GroupID: c.group})
			if c.want != nil {
				require.ErrorIs(t, err, c.want, "%s in group %q", way, c.group)
				require.Empty(t, st.keys)
				continue
			}
			require.NoError(t, err, "%s in group %q", way, c.group)
			assert.Equal(t, c.group, st.keys[k.ID].GroupID)
		}
	}
}

// TestGroupStays checks that no change of a key changes its group, and that Update
// refuses to, together with other faults.
func TestGroupStays(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, _, err := keys.Create(t.Context(), apikey.Key{Name: "crawler", GroupID: "acme"})
		require.NoError(t, err)
		for _, to := range []string{"", "blue"} {
			_, err := keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.GroupID, k.Name = to, "a\x00b"; return nil })
			require.ErrorIs(t, err, apikey.ErrInvalid)
			assert.ErrorContains(t, err, `groupId: "`+to+`": want "acme": only usageplan.Groups.MoveKey changes it`)
			assert.ErrorContains(t, err, "name: ")
			assert.Equal(t, k, st.keys[k.ID])
		}
		_, err = keys.Enable(t.Context(), k.ID)
		require.NoError(t, err)
		_, _, err = keys.Rotate(t.Context(), k.ID, 0)
		require.NoError(t, err)
		_, err = keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { *k = apikey.Key{GroupID: k.GroupID}; return nil })
		require.NoError(t, err)
		assert.Equal(t, "acme", st.keys[k.ID].GroupID)
	})
}

// TestGroupFilter checks which keys a Filter with a GroupID selects.
func TestGroupFilter(t *testing.T) {
	in := apikey.Key{Name: "crawler", CustomerID: "c", GroupID: "acme"}
	for f, want := range map[apikey.Filter]bool{
		{}:                                     true,
		{GroupID: "acme"}:                      true,
		{GroupID: "acm"}:                       false,
		{GroupID: "blue"}:                      false,
		{GroupID: "acme", NamePrefix: "craw"}:  true,
		{GroupID: "acme", NamePrefix: "rank"}:  false,
		{GroupID: "acme", CustomerID: "other"}: false,
	} {
		assert.Equal(t, want, f.Passes(&in), "%+v", f)
	}
	assert.False(t, (&apikey.Filter{GroupID: "acme"}).Passes(&apikey.Key{}))
}
