package storetest

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/apikey"
)

var keysAtOnce = []directoryCase[apikey.Store]{{
	"at-once/id", "Of many callers that insert a key with one ID at once, one succeeds. The others get ErrExists and leave nothing.",
	func(v *visit, s apikey.Store) {
		for round := range 10 {
			keys := crowdOfKeys(round)
			for i := range keys {
				keys[i].ID = fmt.Sprint("id-", round)
			}
			v.oneKey(s, keys, v.oneWins(v.together(crowded, func(i int) error {
				return s.InsertKey(v.ctx, keys[i])
			}), apikey.ErrExists))
		}
	},
}, {
	"at-once/digest", "Of many callers that insert keys with one digest at once, one succeeds. The others get ErrExists " +
		"and leave nothing.",
	func(v *visit, s apikey.Store) {
		for round := range 10 {
			keys := crowdOfKeys(round)
			for i := range keys {
				if d := apikey.DigestOf(fmt.Sprint("common ", round)); i%2 == 0 {
					keys[i].Digest = d
				} else {
					keys[i].Retiring = d
				}
			}
			v.oneKey(s, keys, v.oneWins(v.together(crowded, func(i int) error {
				return s.InsertKey(v.ctx, keys[i])
			}), apikey.ErrExists))
		}
	},
}, {
	"at-once/rotate", "Of many keys that are updated to one digest at once, one gets it. The others stay as they were.",
	func(v *visit, s apikey.Store) {
		for round := range 10 {
			keys := crowdOfKeys(round)
			for _, k := range keys {
				v.ok(s.InsertKey(v.ctx, k))
			}
			common := apikey.DigestOf(fmt.Sprint("common ", round))
			winner := v.oneWins(v.together(crowded, func(i int) error {
				k := keys[i].Clone()
				k.Digest, k.Retiring = common, keys[i].Digest
				return s.UpdateKey(v.ctx, k)
			}), apikey.ErrExists)
			for i, k := range keys {
				if i == winner {
					k.Digest, k.Retiring, k.Version = common, k.Digest, k.Version+1
				}
				v.found(s, k)
			}
		}
	},
}, {
	"at-once/delete", "Of many callers that delete a key at once, one succeeds. The others get ErrNotFound.",
	func(v *visit, s apikey.Store) {
		for round := range 10 {
			k := aKey(round)
			v.ok(s.InsertKey(v.ctx, k))
			v.oneWins(v.together(crowded, func(int) error { return s.DeleteKey(v.ctx, k.ID) }), apikey.ErrNotFound)
		}
	},
}, {
	"at-once/gone", "A key that is deleted while it is updated stays deleted, and its digests are free.",
	func(v *visit, s apikey.Store) {
		for round := range 10 {
			k := aKey(round)
			v.ok(s.InsertKey(v.ctx, k))
			errs := v.together(2, func(i int) error {
				if i == 0 {
					return s.DeleteKey(v.ctx, k.ID)
				}
				return s.UpdateKey(v.ctx, k)
			})
			v.ok(errs[0])
			if errs[1] != nil {
				v.wants(errs[1], apikey.ErrNotFound)
			}
			v.missing(s, k)
			v.ok(s.InsertKey(v.ctx, k))
			v.ok(s.DeleteKey(v.ctx, k.ID))
		}
	},
}, {
	"at-once/look-up", "A key is found by its ID and by a digest that it keeps, in one of its versions, while it is updated.",
	func(v *visit, s apikey.Store) {
		k := aKey(0)
		v.ok(s.InsertKey(v.ctx, k))
		v.meanwhile(30, func(i int) {
			// the two digests change places, and other fields show the version
			k.Digest, k.Retiring = k.Retiring, k.Digest
			k.Name, k.Description = fmt.Sprint("name of ", i), fmt.Sprint("name of ", i)
			v.ok(s.UpdateKey(v.ctx, k))
			k.Version++
		}, func() {
			byID, err := s.Key(v.ctx, k.ID)
			v.during("look-up by ID", err)
			for _, d := range []apikey.Digest{aKey(0).Digest, aKey(0).Retiring} {
				got, err := s.KeyByDigest(v.ctx, d)
				v.during("look-up by a digest", err)
				for _, got := range []apikey.Key{got, byID} {
					if got.Name != got.Description && got.Version > 1 {
						v.failf("name %q with description %q, which were never in the key together", got.Name, got.Description)
					}
				}
			}
		})
	},
}, {
	"at-once/replaced", "A look-up by a digest returns a key that has the digest, while the digests are replaced.",
	func(v *visit, s apikey.Store) {
		k := aKey(0)
		v.ok(s.InsertKey(v.ctx, k))
		digests := []apikey.Digest{k.Digest, apikey.DigestOf("a"), apikey.DigestOf("b")}
		v.meanwhile(30, func(i int) {
			k.Digest, k.Retiring = digests[i%3], apikey.Digest{}
			v.ok(s.UpdateKey(v.ctx, k))
			k.Version++
		}, func() {
			for _, d := range digests {
				got, err := s.KeyByDigest(v.ctx, d)
				if err == nil && got.Digest != d && got.Retiring != d {
					v.failf("look-up by %v returned a key with the digests %v and %v", d, got.Digest, got.Retiring)
				}
				if err != nil {
					v.wants(err, apikey.ErrNotFound)
				}
			}
		})
	},
}, {
	"at-once/failed", "A key is found by its digests while an update of it fails.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 2)
		v.meanwhile(30, func(int) {
			k := keys[0].Clone()
			k.Digest, k.Retiring = keys[1].Digest, apikey.Digest{}
			v.wants(s.UpdateKey(v.ctx, k), apikey.ErrExists)
		}, func() {
			for _, d := range []apikey.Digest{keys[0].Digest, keys[0].Retiring} {
				_, err := s.KeyByDigest(v.ctx, d)
				v.during("look-up by a digest", err)
			}
		})
	},
}, {
	"at-once/list", "A listing has every key once while the keys are updated.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 3)
		v.meanwhile(30, func(i int) {
			v.ok(s.UpdateKey(v.ctx, keys[i%3]))
			keys[i%3].Version++
		}, func() {
			page, _, err := s.Keys(v.ctx, apikey.Filter{}, "", 10)
			v.ok(err)
			v.undisturbed(keyIDs(page), keyIDs(keys), nil)
		})
	},
}, {
	"at-once/ctx", "If ctx ends while a change of a key is under way, the change is made as a whole or not at all. " +
		"Without an error it was made.",
	func(v *visit, s apikey.Store) {
		for looks := 1; looks <= mostLooks; looks++ {
			// three keys, so that a change that is late does not meet the next one
			k, old, doomed := aKey(3*looks), aKey(3*looks+1), aKey(3*looks+2)
			err := v.ends(looks, func(ctx context.Context) error { return s.InsertKey(ctx, k) })
			v.whole(err, func() { v.found(s, k) }, func() { v.missing(s, k) })

			v.ok(s.InsertKey(v.ctx, old))
			k = old.Clone()
			k.Name, k.Digest, k.Retiring = "next", apikey.DigestOf("next "+k.ID), k.Digest
			err = v.ends(looks, func(ctx context.Context) error { return s.UpdateKey(ctx, k) })
			k.Version++
			v.whole(err, func() {
				v.found(s, k)
				v.unknown(s, old.Retiring)
			}, func() {
				v.found(s, old)
				v.unknown(s, k.Digest)
			})

			v.ok(s.InsertKey(v.ctx, doomed))
			err = v.ends(looks, func(ctx context.Context) error { return s.DeleteKey(ctx, doomed.ID) })
			v.whole(err, func() { v.missing(s, doomed) }, func() { v.found(s, doomed) })
		}
	},
}}

// crowdOfKeys returns keys that have nothing in common.
func crowdOfKeys(round int) (keys []apikey.Key) {
	for i := range crowded {
		keys = append(keys, aKey(crowded*round+i))
	}
	return keys
}

// oneKey checks that of keys that were inserted at once only the winner is there.
func (v *visit) oneKey(s apikey.Store, keys []apikey.Key, winner int) {
	v.found(s, keys[winner])
	for _, k := range keys {
		for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
			if d != keys[winner].Digest && d != keys[winner].Retiring {
				v.unknown(s, d)
			}
		}
		if k.ID != keys[winner].ID {
			_, err := s.Key(v.ctx, k.ID)
			v.wants(err, apikey.ErrNotFound)
		}
	}
}

// found checks that k is found by its ID and its digests.
func (v *visit) found(s apikey.Store, k apikey.Key) {
	got, err := s.Key(v.ctx, k.ID)
	v.ok(err)
	v.equal("by id", got, k)
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		got, err := s.KeyByDigest(v.ctx, d)
		v.ok(err)
		v.equal("by digest", got, k)
	}
}

// missing checks that k is not found.
func (v *visit) missing(s apikey.Store, k apikey.Key) {
	_, err := s.Key(v.ctx, k.ID)
	v.wants(err, apikey.ErrNotFound)
	v.unknown(s, k.Digest, k.Retiring)
}

// unknown checks that the digests belong to no key.
func (v *visit) unknown(s apikey.Store, digests ...apikey.Digest) {
	for _, d := range digests {
		_, err := s.KeyByDigest(v.ctx, d)
		v.wants(err, apikey.ErrNotFound)
	}
}

// during checks a look-up of a record that exists throughout.
func (v *visit) during(what string, err error) {
	if err != nil {
		v.failf("%s during an update: %v", what, err)
	}
}
