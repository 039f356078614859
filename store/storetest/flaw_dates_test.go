package storetest

import (
	"context"
	"time"

	"github.com/ration-go/ration/apikey"
)

// forgetful is a directory that does not return records whose time is over, as a database
// that deletes rows by itself.
type forgetful struct {
	base
	over func(k *apikey.Key, d apikey.Digest) bool
}

func (s forgetful) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil && s.over(&k, d) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return k, err
}

func expired(k *apikey.Key, _ apikey.Digest) bool {
	return !k.Expires.IsZero() && k.Expires.Before(time.Now())
}

func retired(k *apikey.Key, d apikey.Digest) bool {
	return d == k.Retiring && k.RetiringUntil.Before(time.Now())
}

var dateFlaws = []directoryFlaw[apikey.Store]{
	{"does not find a key that has expired", "insert, copies", func() apikey.Store { return forgetful{newBase(), expired} }},
	{"does not find a digest that has retired", "insert, unique", func() apikey.Store { return forgetful{newBase(), retired} }},
}
