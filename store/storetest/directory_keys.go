package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

// okAt checks that a call succeeded, and says with what it was made.
func (v *visit) okAt(err error, call string, args ...string) {
	if err != nil {
		v.failf("%s of %.70q: unexpected error: %v", call, args, err)
	}
}

// holds checks that every way to read a key returns want.
func (v *visit) holds(s apikey.Store, what string, want apikey.Key) {
	got, err := s.Key(v.ctx, want.ID)
	v.ok(err)
	v.equal(what+": by id", got, want)
	for _, d := range []apikey.Digest{want.Digest, want.Retiring} {
		if d == (apikey.Digest{}) {
			continue
		}
		got, err := s.KeyByDigest(v.ctx, d)
		v.ok(err)
		v.equal(what+": by digest", got, want)
	}
}

// lacks checks that no key has these digests.
func (v *visit) lacks(s apikey.Store, digests ...apikey.Digest) {
	for _, d := range digests {
		_, err := s.KeyByDigest(v.ctx, d)
		v.wants(err, apikey.ErrNotFound)
	}
}

// listed returns a whole listing, page by page.
func (v *visit) listed(s apikey.Store, f apikey.Filter, limit int) []apikey.Key {
	all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) { return s.Keys(v.ctx, f, cursor, limit) })
	return all
}

// listsKeys checks which keys a whole listing has, in any order.
func (v *visit) listsKeys(s apikey.Store, what string, f apikey.Filter, limit int, want []apikey.Key) {
	lists(v, what, byID(v.listed(s, f, limit)), byID(want))
}

// byID returns a copy of a list in the order of IDs.
func byID(keys []apikey.Key) []apikey.Key {
	return slices.SortedFunc(slices.Values(keys), func(a, b apikey.Key) int { return strings.Compare(a.ID, b.ID) })
}

// reversed returns a reversed copy of a list.
func reversed[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// unfavourableKeys are the cases of keys that a store may confuse, cut or keep wrongly.
var unfavourableKeys = []directoryCase[apikey.Store]{{
	"ids", "An ID is compared byte by byte: two IDs that differ in any way belong to two keys.",
	func(v *visit, s apikey.Store) {
		var keys []apikey.Key
		for i, id := range hostileIDs {
			keys = append(keys, apikey.Key{ID: id, Name: fmt.Sprint(i), Digest: apikey.DigestOf(id), Version: 1})
			v.okAt(s.InsertKey(v.ctx, keys[i]), "insert", id)
		}
		for i := range keys {
			keys[i].Description = "updated"
			v.okAt(s.UpdateKey(v.ctx, keys[i]), "update", keys[i].ID)
			keys[i].Version++
		}
		for _, k := range keys {
			v.holds(s, "one of many IDs", k)
		}
		v.listsKeys(s, "the listing", apikey.Filter{}, 7, keys)
		for i, k := range keys {
			v.okAt(s.DeleteKey(v.ctx, k.ID), "deletion", k.ID)
			for _, rest := range keys[i+1:] {
				_, err := s.Key(v.ctx, rest.ID)
				v.okAt(err, "after a deletion, the second", k.ID, rest.ID)
			}
		}
	},
}, {
	"digests", "A digest is compared as a whole. Two keys may have digests that differ in one byte.",
	func(v *visit, s apikey.Store) {
		var keys []apikey.Key
		for i, d := range []apikey.Digest{
			aDigest(0, 1), aDigest(0, 2), aDigest(1, 0), aDigest(2, 0), aDigest('a', 'A'), aDigest('A', 'a'), aDigest(0xff, 0xff),
		} {
			retiring := d
			retiring[16] = ' '
			keys = append(keys, apikey.Key{ID: keyID(i), Digest: d, Retiring: retiring, RetiringUntil: aFuture, Version: 1})
			v.okAt(s.InsertKey(v.ctx, keys[i]), "insert", fmt.Sprintf("%x", d[:]))
		}
		for _, k := range keys {
			v.holds(s, "one of many digests", k)
		}
	},
}, {
	"bounds", "A store keeps each field at its bounds, and every text byte for byte.",
	func(v *visit, s apikey.Store) {
		full := fullKey()
		v.ok(s.InsertKey(v.ctx, full))
		v.holds(s, "inserted", full)
		v.listsKeys(s, "the listing", apikey.Filter{}, 1, []apikey.Key{full})
		bare := apikey.Key{ID: full.ID, Version: full.Version}
		v.ok(s.UpdateKey(v.ctx, bare))
		full.Version++
		v.ok(s.UpdateKey(v.ctx, full))
		full.Version++
		v.holds(s, "updated", full)
		for i, text := range hostileTexts {
			k := apikey.Key{ID: keyID(i), Name: text, Description: text, CustomerID: text, Hint: text, Digest: apikey.DigestOf(text), Version: 1}
			v.ok(s.InsertKey(v.ctx, k))
			v.holds(s, "a text", k)
		}
	},
}, {
	"times", "A time is kept as an instant, whatever its zone and its year from 1 to 9999, and only the zero time is zero.",
	func(v *visit, s apikey.Store) {
		for i, at := range extremeTimes {
			k := apikey.Key{
				ID: keyID(i), Digest: apikey.DigestOf(keyID(i)), Retiring: apikey.DigestOf("old" + keyID(i)), Version: 1,
				RetiringUntil: at, Rotated: at, Expires: at, Created: at, Updated: at,
			}
			v.ok(s.InsertKey(v.ctx, k))
			v.holds(s, "inserted at "+at.String(), k)
			next := extremeTimes[(i+1)%len(extremeTimes)]
			k.RetiringUntil, k.Rotated, k.Expires, k.Updated = next, next, next, next
			v.ok(s.UpdateKey(v.ctx, k))
			k.Version++
			v.holds(s, "updated at "+next.String(), k)
		}
	},
}, {
	"state", "A key is found in any state: disabled, expired, and by its retiring digest also after RetiringUntil.",
	func(v *visit, s apikey.Store) {
		past := time.Date(1998, 2, 3, 4, 5, 6, 0, time.UTC)
		var keys []apikey.Key
		for i, k := range []apikey.Key{
			{RetiringUntil: aFuture}, {Enabled: true, RetiringUntil: past}, {Enabled: true, RetiringUntil: aFuture, Expires: past},
			{Enabled: true}, // RetiringUntil is the zero time, which is past
		} {
			k.ID, k.Version = keyID(i), 1
			k.Digest, k.Retiring = apikey.DigestOf(k.ID), apikey.DigestOf("old"+k.ID)
			v.ok(s.InsertKey(v.ctx, k))
			keys = append(keys, k)
		}
		for _, k := range keys {
			v.holds(s, "a key that may not be used", k)
		}
		v.listsKeys(s, "the listing", apikey.Filter{}, 10, keys)
	},
}, {
	"version/any", "InsertKey keeps the Version that the key has. An update of any other version, also of 0 or of one ahead, " +
		"is a conflict and changes nothing.",
	func(v *visit, s apikey.Store) {
		for i, version := range []int64{0, 1, 2, math.MaxInt32, 1 << 53, math.MaxInt64 - 9} {
			k := apikey.Key{ID: keyID(i), Digest: apikey.DigestOf(keyID(i)), Version: version}
			v.ok(s.InsertKey(v.ctx, k))
			v.holds(s, "inserted", k)
			for _, other := range []int64{0, -1, version - 1, version + 1, version + 1<<32, version ^ 1<<40} {
				if other == version {
					continue
				}
				v.wants(s.UpdateKey(v.ctx, apikey.Key{ID: k.ID, Name: "lost", Version: other}), apikey.ErrConflict)
			}
			v.holds(s, "after conflicts", k)
			v.ok(s.UpdateKey(v.ctx, k))
			k.Version++
			v.holds(s, "updated", k)
		}
	},
}, {
	"again", "A call sees each write that has returned: a key that was missed and is then inserted, and a key that was read " +
		"and is then changed, deleted and inserted anew.",
	func(v *visit, s apikey.Store) {
		read := func(k apikey.Key) {
			for range 2 { // the second call finds what the first may have cached
				v.holds(s, "present", k)
			}
		}
		k := aKey(0)
		for range 2 {
			_, err := s.Key(v.ctx, k.ID)
			v.wants(err, apikey.ErrNotFound)
			v.lacks(s, k.Digest, k.Retiring)
		}
		v.ok(s.InsertKey(v.ctx, k))
		read(k)
		fresh := aKey(1) // it brings digests that were missed
		v.lacks(s, fresh.Digest, fresh.Retiring)
		fresh.ID = k.ID
		v.ok(s.UpdateKey(v.ctx, fresh))
		fresh.Version++
		read(fresh)
		v.lacks(s, k.Digest, k.Retiring)
		v.ok(s.DeleteKey(v.ctx, k.ID))
		for range 2 {
			_, err := s.Key(v.ctx, k.ID)
			v.wants(err, apikey.ErrNotFound)
			v.lacks(s, k.Digest, k.Retiring, fresh.Digest, fresh.Retiring)
		}
		for range 2 { // the ID with its first digests
			v.ok(s.InsertKey(v.ctx, k))
			read(k)
			v.lacks(s, fresh.Digest, fresh.Retiring)
			v.ok(s.DeleteKey(v.ctx, k.ID))
		}
	},
}, {
	"heirs", "The digests that a key loses by an update or a deletion are free, and belong to the key that takes them.",
	func(v *visit, s apikey.Store) {
		old := insertKeys(v, s, 2)
		v.ok(s.DeleteKey(v.ctx, old[0].ID))
		bare := apikey.Key{ID: old[1].ID, Version: 1}
		v.ok(s.UpdateKey(v.ctx, bare))
		for i, k := range old { // each takes one of the digests as the other kind
			for n, heir := range []apikey.Key{{Digest: k.Retiring}, {Digest: apikey.DigestOf(fmt.Sprint("new", i)), Retiring: k.Digest, RetiringUntil: aFuture}} {
				heir.ID, heir.Version = fmt.Sprintf("heir-%d-%d", i, n), 1
				v.ok(s.InsertKey(v.ctx, heir))
				v.holds(s, "an heir", heir)
			}
		}
		again := apikey.Key{ID: old[0].ID, Digest: apikey.DigestOf("again"), Version: 1}
		v.ok(s.InsertKey(v.ctx, again))
		v.holds(s, "the ID again", again)
		for _, k := range old {
			byDigest, err := s.KeyByDigest(v.ctx, k.Digest)
			v.ok(err)
			v.equal("has the digest now", strings.HasPrefix(byDigest.ID, "heir-"), true)
		}
	},
}}
