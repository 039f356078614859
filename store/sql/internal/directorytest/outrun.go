package directorytest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/usageplan"
)

var errOutrun = errors.New("could not serialize access")

// A refuser is a database that refuses each query a number of times. Each time it has
// returned one row more than the time before.
type refuser struct {
	directory.Database
	times   int
	refused int // how often the present query was refused
}

func (r *refuser) Query(ctx context.Context, statement string, args []any, each func(directory.Row) error) error {
	if r.refused == r.times {
		r.refused = 0
		return r.Database.Query(ctx, statement, args, each)
	}
	rows := 0
	err := r.Database.Query(ctx, statement, args, func(row directory.Row) error {
		if rows == r.refused {
			return errOutrun
		}
		rows++
		return each(row)
	})
	r.refused++
	if err == nil {
		err = errOutrun
	}
	return err
}

func (r *refuser) Outrun(err error) bool { return errors.Is(err, errOutrun) }

// TestOutrun checks that each reading method gives whole results if the database refuses
// its statements after some rows, and an error if it always does. The database is empty.
func TestOutrun(t *testing.T, db directory.Database, d *directory.Dialect) {
	r := &refuser{Database: db}
	s, plain := directory.New(r, d, "store"), directory.New(db, d, "store")
	ctx := t.Context()
	for _, id := range []string{"a", "b", "c", "d"} {
		require.NoError(t, plain.InsertKey(ctx, apikey.Key{ID: id, Digest: apikey.DigestOf(id), GroupID: "g"}))
		require.NoError(t, plain.InsertPlan(ctx, usageplan.Plan{ID: id}))
		require.NoError(t, plain.InsertLink(ctx, usageplan.Link{PlanID: id, KeyID: "a"}))
	}
	require.NoError(t, plain.InsertGroup(ctx, usageplan.Group{ID: "g"}))
	_, second, err := plain.Keys(ctx, apikey.Filter{}, "", 2)
	require.NoError(t, err)

	reads := map[string]func(s *directory.Store) (any, error){
		"Key":         func(s *directory.Store) (any, error) { return s.Key(ctx, "a") },
		"no Key":      func(s *directory.Store) (any, error) { return s.Key(ctx, "none") },
		"KeyByDigest": func(s *directory.Store) (any, error) { return s.KeyByDigest(ctx, apikey.DigestOf("b")) },
		"Keys": func(s *directory.Store) (any, error) {
			keys, next, err := s.Keys(ctx, apikey.Filter{}, "", 3)
			return []any{keys, next}, err
		},
		"Keys from a cursor": func(s *directory.Store) (any, error) {
			keys, next, err := s.Keys(ctx, apikey.Filter{}, second, 3)
			return []any{keys, next}, err
		},
		"Keys of a group": func(s *directory.Store) (any, error) {
			keys, next, err := s.Keys(ctx, apikey.Filter{GroupID: "g"}, "", 3)
			return []any{keys, next}, err
		},
		"KeyLinks":       func(s *directory.Store) (any, error) { return s.KeyLinks(ctx, "a") },
		"AccessByKey":    func(s *directory.Store) (any, error) { return s.AccessByKey(ctx, "a") },
		"AccessByDigest": func(s *directory.Store) (any, error) { return s.AccessByDigest(ctx, apikey.DigestOf("a")) },
		"stale UpdateKey": func(s *directory.Store) (any, error) {
			return nil, s.UpdateKey(ctx, apikey.Key{ID: "a", Digest: apikey.DigestOf("a"), Version: 99})
		},
	}
	for name, read := range reads {
		want, wantErr := read(plain)
		for times := range 5 {
			r.times, r.refused = times, 0
			got, err := read(s)
			require.Equal(t, want, got, "%s, refused %d times", name, times)
			require.Equal(t, wantErr, err, "%s, refused %d times", name, times)
		}
		r.times, r.refused = directory.Attempts, 0
		_, err := read(s)
		require.ErrorIs(t, err, errOutrun, name)
	}
}
