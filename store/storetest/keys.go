package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ration-go/ration/apikey"
)

// TestKeys checks the stores that d makes against every promise of [apikey.Store], with
// one subtest each. If the stores implement [usageplan.Notifier], its promises are
// checked too.
func TestKeys(t *testing.T, d Directory[apikey.Store]) { run(t, keyCases(), d) }

func keyCases() []directoryCase[apikey.Store] {
	return slices.Concat(storedKeys, pagedKeys, notifyKeys, durableKeys, unfavourableKeys, listedKeys, subscribedKeys, keysAtOnce)
}

// aKey returns the i-th of many keys, with all fields set. Neither the IDs nor the times
// ascend with i. Every second key has expired, and of each two of these one has a
// retiring digest whose time is over.
func aKey(i int) apikey.Key {
	id, created := keyID(i), aTime(i)
	expires, retires := aFuture.Add(time.Microsecond), aFuture
	if i%2 == 0 {
		expires = created.AddDate(0, 0, 1)
	}
	if i%4 < 2 {
		retires = created.Add(time.Hour)
	}
	return apikey.Key{
		ID: id, Name: fmt.Sprintf("name-%d %q {é}", i%3, id), Description: "line\nand line", Hint: "acme_…" + id,
		Enabled: i%2 == 0, CustomerID: fmt.Sprintf("customer-%d", i%4), GroupID: groupID(i % 3), Tags: apikey.Tags{"team": "a", "n": id},
		StageKeys: []string{"pets/prod", "cats/" + id},
		Scopes:    []string{"orders:*", "read:" + id},
		Networks:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/48", i+1))},
		Sealed:    []byte("\x00sealed " + id),
		Digest:    apikey.DigestOf("secret of " + id), Retiring: apikey.DigestOf("old secret of " + id),
		RetiringUntil: retires, Rotated: created.Add(time.Minute), Expires: expires, Created: created, Updated: created.Add(time.Hour), Version: 1,
	}
}

func insertKeys(v *visit, s apikey.Store, n int) (keys []apikey.Key) {
	for i := range n {
		keys = append(keys, aKey(i))
		v.ok(s.InsertKey(v.ctx, keys[i]))
	}
	return keys
}

func keyIDs(keys []apikey.Key) (ids []string) {
	for i := range keys {
		ids = append(ids, keys[i].ID)
	}
	return ids
}

var storedKeys = []directoryCase[apikey.Store]{{
	"insert", "A key is found by its ID and by either digest, with every field unchanged.",
	func(v *visit, s apikey.Store) {
		bare := apikey.Key{ID: "bare", Version: 7, Digest: apikey.DigestOf("bare")}
		v.ok(s.InsertKey(v.ctx, bare))
		for _, want := range append(insertKeys(v, s, 3), bare) {
			got, err := s.Key(v.ctx, want.ID)
			v.ok(err)
			v.equal("by id", got, want)
			for _, d := range []apikey.Digest{want.Digest, want.Retiring} {
				if d == (apikey.Digest{}) {
					continue
				}
				got, err := s.KeyByDigest(v.ctx, d)
				v.ok(err)
				v.equal("by digest", got, want)
			}
		}
	},
}, {
	"missing", "A call for a key that does not exist returns ErrNotFound. The zero digest belongs to no key.",
	func(v *visit, s apikey.Store) {
		v.ok(s.InsertKey(v.ctx, apikey.Key{ID: "a", Version: 1}))
		v.ok(s.InsertKey(v.ctx, apikey.Key{ID: "b", Version: 1}))
		_, err := s.Key(v.ctx, "c")
		v.wants(err, apikey.ErrNotFound)
		_, err = s.KeyByDigest(v.ctx, apikey.DigestOf("c"))
		v.wants(err, apikey.ErrNotFound)
		_, err = s.KeyByDigest(v.ctx, apikey.Digest{})
		v.wants(err, apikey.ErrNotFound)
		v.wants(s.UpdateKey(v.ctx, apikey.Key{ID: "c", Version: 1}), apikey.ErrNotFound)
		v.wants(s.DeleteKey(v.ctx, "c"), apikey.ErrNotFound)
	},
}, {
	"unique", "An ID and every digest, current or retiring, belong to one key. An insert or update that breaks this " +
		"changes nothing.",
	func(v *visit, s apikey.Store) {
		old := insertKeys(v, s, 2)
		for what, k := range map[string]apikey.Key{
			"id":                                   {ID: old[0].ID},
			"digest":                               {ID: "new", Digest: old[0].Digest},
			"retiring digest":                      {ID: "new", Digest: old[0].Retiring},
			"digest as a retiring digest":          {ID: "new", Digest: apikey.DigestOf("new"), Retiring: old[0].Digest},
			"retiring digest as a retiring digest": {ID: "new", Digest: apikey.DigestOf("new"), Retiring: old[0].Retiring},
		} {
			k.Version = 1
			if err := s.InsertKey(v.ctx, k); err == nil {
				v.failf("a key with the %s of another key was inserted", what)
			} else {
				v.wants(err, apikey.ErrExists)
			}
			if k.ID = old[1].ID; what != "id" {
				v.wants(s.UpdateKey(v.ctx, k), apikey.ErrExists)
			}
		}
		_, err := s.KeyByDigest(v.ctx, apikey.DigestOf("new"))
		v.wants(err, apikey.ErrNotFound)
		got, err := s.Key(v.ctx, old[1].ID)
		v.ok(err)
		v.equal("after failed updates", got, old[1])
		for _, d := range []apikey.Digest{old[1].Digest, old[1].Retiring} {
			got, err := s.KeyByDigest(v.ctx, d)
			v.ok(err)
			v.equal("by digest after failed updates", got, old[1])
		}
	},
}, {
	"update", "An update replaces every field, adds one to the version, and frees the digests that the key no longer has.",
	func(v *visit, s apikey.Store) {
		old := insertKeys(v, s, 1)[0]
		k := aKey(7)
		k.ID, k.Retiring = old.ID, old.Digest
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
			got, err := s.KeyByDigest(v.ctx, d)
			v.ok(err)
			v.equal("by digest", got, k)
		}
		_, err := s.KeyByDigest(v.ctx, old.Retiring)
		v.wants(err, apikey.ErrNotFound)
		v.ok(s.InsertKey(v.ctx, apikey.Key{ID: "heir", Digest: old.Retiring, Version: 1}))
	},
}, {
	"version", "If many callers update one version of a key, exactly one succeeds. The others get ErrConflict.",
	func(v *visit, s apikey.Store) {
		k := insertKeys(v, s, 1)[0]
		for range 20 {
			winner := v.oneWins(v.together(8, func(i int) error {
				mine := k
				mine.Description = fmt.Sprint(i)
				return s.UpdateKey(v.ctx, mine)
			}), apikey.ErrConflict)
			k.Description, k.Version = fmt.Sprint(winner), k.Version+1
			got, err := s.Key(v.ctx, k.ID)
			v.ok(err)
			v.equal("the winning update", got, k)
		}
	},
}, {
	"delete", "A deleted key is gone, and its ID and digests are free.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 3)
		before := v.listed(s, apikey.Filter{}, 10)
		v.ok(s.DeleteKey(v.ctx, keys[1].ID))
		_, err := s.KeyByDigest(v.ctx, keys[1].Digest)
		v.wants(err, apikey.ErrNotFound)
		rest := slices.DeleteFunc(before, func(k apikey.Key) bool { return k.ID == keys[1].ID })
		lists(v, "the listing", v.listed(s, apikey.Filter{}, 10), rest)
		v.ok(s.InsertKey(v.ctx, keys[1]))
	},
}, {
	"copies", "The store shares nothing with its callers. If a caller changes what it passed in or got back, the stored " +
		"key does not change.",
	func(v *visit, s apikey.Store) {
		change := func(k apikey.Key) {
			k.Tags["team"], k.StageKeys[0], k.Sealed[0] = "changed", "changed", 'x'
			k.Scopes[0], k.Networks[0] = "changed", netip.Prefix{}
		}
		k := aKey(0)
		v.ok(s.InsertKey(v.ctx, k))
		change(k)
		for version := range int64(3) {
			want := aKey(0)
			want.Version = 1 + version
			for range 2 {
				k, err := s.Key(v.ctx, want.ID)
				v.ok(err)
				v.equal("the key", k, want)
				byDigest, err := s.KeyByDigest(v.ctx, want.Digest)
				v.ok(err)
				v.equal("the key by its digest", byDigest, want)
				all, _, err := s.Keys(v.ctx, apikey.Filter{}, "", 1)
				v.ok(err)
				lists(v, "the listing", all, []apikey.Key{want})
				change(k)
				change(byDigest)
				change(all[0])
			}
			want = want.Clone()
			v.ok(s.UpdateKey(v.ctx, want))
			change(want)
		}
	},
}, {
	"ctx", "If ctx is done, every call returns its error and changes nothing.",
	func(v *visit, s apikey.Store) {
		k := insertKeys(v, s, 1)[0]
		ctx, cancel := context.WithCancel(v.ctx)
		cancel()
		_, err := s.Key(ctx, k.ID)
		v.wants(err, context.Canceled)
		_, err = s.KeyByDigest(ctx, k.Digest)
		v.wants(err, context.Canceled)
		_, _, err = s.Keys(ctx, apikey.Filter{}, "", 1)
		v.wants(err, context.Canceled)
		v.wants(s.InsertKey(ctx, aKey(1)), context.Canceled)
		v.wants(s.UpdateKey(ctx, apikey.Key{ID: k.ID, Version: 1}), context.Canceled)
		v.wants(s.DeleteKey(ctx, k.ID), context.Canceled)
		all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) { return s.Keys(v.ctx, apikey.Filter{}, cursor, 10) })
		lists(v, "the listing", all, []apikey.Key{k})
	},
}, {
	"together", "A store is safe for concurrent use.",
	func(v *visit, s apikey.Store) {
		for _, err := range v.together(8, func(g int) error {
			for i := range 20 {
				k := aKey(100*g + i)
				if err := s.InsertKey(v.ctx, k); err != nil {
					return err
				}
				if _, err := s.KeyByDigest(v.ctx, k.Digest); err != nil {
					return err
				}
				if _, _, err := s.Keys(v.ctx, apikey.Filter{}, "", 5); err != nil {
					return err
				}
				if err := s.UpdateKey(v.ctx, k); err != nil {
					return err
				}
				if i%2 == 0 {
					if err := s.DeleteKey(v.ctx, k.ID); err != nil {
						return err
					}
				}
			}
			return nil
		}) {
			v.ok(err)
		}
		all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) { return s.Keys(v.ctx, apikey.Filter{}, cursor, 7) })
		v.equal("number of records left", len(all), 80)
	},
}}
