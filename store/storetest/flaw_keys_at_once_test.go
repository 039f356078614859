package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
)

var keyAtOnceFlaws = []directoryFlaw[apikey.Store]{
	{"looks for an ID before it inserts the key", "at-once/id", func() apikey.Store { return looksForID{newBase()} }},
	{"looks for a digest before it inserts the key", "at-once/digest", func() apikey.Store { return looksForDigest{newBase()} }},
	{"looks for a digest before it updates the key", "at-once/rotate", func() apikey.Store { return rotates{newBase()} }},
	{"two callers delete one key", "at-once/delete", func() apikey.Store { return deletesTwice{newBase()} }},
	{"an update brings a deleted key back", "at-once/gone", func() apikey.Store { return revives{newBase()} }},
	{"an update deletes the row and inserts it again", "at-once/look-up", func() apikey.Store { return &rowGone{base: newBase()} }},
	{"an update writes the digests after the row", "at-once/look-up", func() apikey.Store { return &digestsLater{base: newBase()} }},
	{"an update writes one field after the other", "at-once/look-up", func() apikey.Store { return &torn{base: newBase()} }},
	{"reads the index, and the row later", "at-once/replaced", func() apikey.Store { return readsTwice{newBase()} }},
	{"an update frees digests before it knows that it succeeds", "at-once/failed", func() apikey.Store { return &freesEarly{base: newBase()} }},
	{"a listing misses what is updated", "at-once/list", func() apikey.Store { return &unlisted{base: newBase()} }},
	{"an insert that ctx ends leaves a digest out", "at-once/ctx", func() apikey.Store { return insertsHalf{newBase()} }},
	{"a deletion that ctx ends leaves a digest behind", "at-once/ctx", func() apikey.Store { return &deletesHalf{base: newBase()} }},
	{"an update that ctx ends reports success", "at-once/ctx", func() apikey.Store { return drops{newBase()} }},
}

type (
	looksForID     struct{ base }
	looksForDigest struct{ base }
	rotates        struct{ base }
	deletesTwice   struct{ base }
	revives        struct{ base }
	readsTwice     struct{ base }
	insertsHalf    struct{ base }
	drops          struct{ base }

	rowGone struct {
		base
		gone overlay[bool]
	}
	digestsLater struct {
		base
		gone overlay[bool]
	}
	torn struct {
		base
		names, plans overlay[string]
	}
	freesEarly struct {
		base
		free overlay[bool]
	}
	unlisted struct {
		base
		gone overlay[bool]
	}
	deletesHalf struct {
		base
		left overlay[apikey.Key]
	}
)

func (s looksForID) InsertKey(ctx context.Context, k apikey.Key) error {
	if _, err := s.Key(ctx, k.ID); err == nil {
		return apikey.ErrExists
	}
	wait()
	if _, err := s.Key(ctx, k.ID); err == nil {
		_ = s.DeleteKey(ctx, k.ID)
	}
	return s.base.InsertKey(ctx, k)
}

// digestTaken returns the ID of another key that has a digest of k.
func digestTaken(ctx context.Context, s base, k apikey.Key) (id string, taken bool) {
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		if other, err := s.KeyByDigest(ctx, d); err == nil && other.ID != k.ID {
			return other.ID, true
		}
	}
	return "", false
}

func (s looksForDigest) InsertKey(ctx context.Context, k apikey.Key) error {
	if _, taken := digestTaken(ctx, s.base, k); taken {
		return s.base.InsertKey(ctx, k)
	}
	wait()
	if other, taken := digestTaken(ctx, s.base, k); taken {
		_ = s.DeleteKey(ctx, other)
	}
	return s.base.InsertKey(ctx, k)
}

func (s rotates) UpdateKey(ctx context.Context, k apikey.Key) error {
	if _, taken := digestTaken(ctx, s.base, k); taken {
		return s.base.UpdateKey(ctx, k)
	}
	wait()
	if other, taken := digestTaken(ctx, s.base, k); taken {
		_ = s.DeleteKey(ctx, other)
	}
	return s.base.UpdateKey(ctx, k)
}

func (s deletesTwice) DeleteKey(ctx context.Context, id string) error {
	if _, err := s.Key(ctx, id); err != nil {
		return err
	}
	wait()
	if err := s.base.DeleteKey(ctx, id); !errors.Is(err, apikey.ErrNotFound) {
		return err
	}
	return nil
}

func (s revives) UpdateKey(ctx context.Context, k apikey.Key) error {
	if _, err := s.Key(ctx, k.ID); err != nil {
		return err
	}
	wait()
	err := s.base.UpdateKey(ctx, k)
	if errors.Is(err, apikey.ErrNotFound) {
		return s.base.InsertKey(ctx, k)
	}
	return err
}

func (s *rowGone) UpdateKey(ctx context.Context, k apikey.Key) error {
	s.gone.set(k.ID, true)
	wait()
	s.gone.unset(k.ID)
	return s.base.UpdateKey(ctx, k)
}

func (s *rowGone) Key(ctx context.Context, id string) (apikey.Key, error) {
	if s.gone.has(id) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return s.base.Key(ctx, id)
}

func (s *digestsLater) UpdateKey(ctx context.Context, k apikey.Key) error {
	err := s.base.UpdateKey(ctx, k)
	if err == nil {
		s.gone.set(k.ID, true)
		defer s.gone.unset(k.ID)
		wait()
	}
	return err
}

func (s *digestsLater) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil && s.gone.has(k.ID) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return k, err
}

func (s *torn) UpdateKey(ctx context.Context, k apikey.Key) error {
	old, err := s.base.Key(ctx, k.ID)
	if err != nil {
		return err
	}
	if err = s.base.UpdateKey(ctx, k); err == nil {
		s.names.set(k.ID, old.Name)
		defer s.names.unset(k.ID)
		wait()
	}
	return err
}

func (s *torn) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := s.base.Key(ctx, id)
	if name, ok := s.names.get(id); ok {
		k.Name = name
	}
	return k, err
}

func (s readsTwice) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	if err != nil {
		return k, err
	}
	wait()
	return s.Key(ctx, k.ID)
}

func (s *freesEarly) UpdateKey(ctx context.Context, k apikey.Key) error {
	old, err := s.Key(ctx, k.ID)
	if err != nil {
		return err
	}
	for _, d := range []apikey.Digest{old.Digest, old.Retiring} {
		if d != k.Digest && d != k.Retiring {
			s.free.set(fmt.Sprint(d), true)
			defer s.free.unset(fmt.Sprint(d))
		}
	}
	wait()
	return s.base.UpdateKey(ctx, k)
}

func (s *freesEarly) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if s.free.has(fmt.Sprint(d)) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return s.base.KeyByDigest(ctx, d)
}

func (s *unlisted) UpdateKey(ctx context.Context, k apikey.Key) error {
	s.gone.set(k.ID, true)
	wait()
	s.gone.unset(k.ID)
	return s.base.UpdateKey(ctx, k)
}

func (s *unlisted) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	return slices.DeleteFunc(keys, func(k apikey.Key) bool { return s.gone.has(k.ID) }), next, err
}

func (s insertsHalf) InsertKey(ctx context.Context, k apikey.Key) error {
	if err := s.base.InsertKey(ctx, k); err != nil || ctx.Err() == nil {
		return err
	}
	_ = s.DeleteKey(kept(ctx), k.ID)
	k.Retiring = apikey.Digest{}
	_ = s.base.InsertKey(kept(ctx), k)
	return ctx.Err()
}

func (s *deletesHalf) DeleteKey(ctx context.Context, id string) error {
	k, err := s.base.Key(kept(ctx), id)
	if err != nil {
		return err
	}
	if err = s.base.DeleteKey(ctx, id); err != nil || ctx.Err() == nil {
		return err
	}
	s.left.set(fmt.Sprint(k.Digest), k)
	return ctx.Err()
}

func (s *deletesHalf) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if k, ok := s.left.get(fmt.Sprint(d)); ok {
		return k, nil
	}
	return s.base.KeyByDigest(ctx, d)
}

func (s drops) UpdateKey(ctx context.Context, k apikey.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	return s.base.UpdateKey(ctx, k)
}
