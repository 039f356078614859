package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// hasKeys checks that s finds each key by its ID and digests, and lists exactly these, in
// this order.
func hasKeys(v *visit, s apikey.Store, want ...apikey.Key) {
	for _, k := range want {
		got, err := s.Key(v.ctx, k.ID)
		v.ok(err)
		v.equal("key "+k.ID, got, k)
		for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
			if d == (apikey.Digest{}) {
				continue
			}
			got, err := s.KeyByDigest(v.ctx, d)
			v.ok(err)
			v.equal("key "+k.ID+" by digest", got, k)
		}
	}
	all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) { return s.Keys(v.ctx, apikey.Filter{}, cursor, 2) })
	lists(v, "the listing", all, want)
}

// lacksKey checks that neither the ID nor a digest of k finds a key.
func lacksKey(v *visit, s apikey.Store, k apikey.Key) {
	_, err := s.Key(v.ctx, k.ID)
	v.wants(err, apikey.ErrNotFound)
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		_, err := s.KeyByDigest(v.ctx, d)
		v.wants(err, apikey.ErrNotFound)
	}
}

var durableKeys = []directoryCase[apikey.Store]{{
	"reopen", "A store whose storage is opened again has every key as it was, by its ID and by either digest, and in the " +
		"listing.",
	withReopen(func(v *visit, s apikey.Store, reopen func() apikey.Store) {
		k := insertKeys(v, s, 3)
		hasKeys(v, reopen(), k[2], k[1], k[0])
	}),
}, {
	"reopen/version", "A key keeps its Version when the storage is opened again, so a change that is out of date still gets " +
		"ErrConflict.",
	withReopen(func(v *visit, s apikey.Store, reopen func() apikey.Store) {
		k := insertKeys(v, s, 1)[0]
		v.ok(s.UpdateKey(v.ctx, k))
		s = reopen()
		v.wants(s.UpdateKey(v.ctx, k), apikey.ErrConflict)
		k.Version++
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		hasKeys(v, reopen(), k)
	}),
}, {
	"reopen/changes", "The latest change of a key is kept, also its deletion. What it has freed stays free.",
	withReopen(func(v *visit, s apikey.Store, reopen func() apikey.Store) {
		k := insertKeys(v, s, 3)
		next := k[2]
		next.Digest, next.Retiring = apikey.DigestOf("next"), k[2].Digest
		v.ok(s.UpdateKey(v.ctx, next))
		next.Version++
		v.ok(s.DeleteKey(v.ctx, k[1].ID))
		s = reopen()
		hasKeys(v, s, next, k[0])
		lacksKey(v, s, k[1])
		_, err := s.KeyByDigest(v.ctx, k[2].Retiring)
		v.wants(err, apikey.ErrNotFound)
		heir := aKey(5)
		heir.Digest, heir.Retiring = k[2].Retiring, k[1].Digest
		v.ok(s.InsertKey(v.ctx, heir))
	}),
}, {
	"reopen/order", "A key that is inserted after the storage was opened again is the newest one, and is as unique as before.",
	withReopen(func(v *visit, s apikey.Store, reopen func() apikey.Store) {
		k := insertKeys(v, s, 3)
		s = reopen()
		v.ok(s.InsertKey(v.ctx, aKey(9)))
		v.wants(s.InsertKey(v.ctx, apikey.Key{ID: "thief", Digest: k[0].Retiring}), apikey.ErrExists)
		v.wants(s.InsertKey(v.ctx, apikey.Key{ID: k[1].ID}), apikey.ErrExists)
		v.ok(s.InsertKey(v.ctx, aKey(8)))
		hasKeys(v, s, aKey(8), aKey(9), k[2], k[1], k[0])
	}),
}, {
	"peer", "Two stores over one storage are one: each sees at once what the other has inserted, changed and deleted, also " +
		"what it has read or missed before.",
	withPeer(func(v *visit, here, there apikey.Store) {
		for _, s := range []struct{ here, there apikey.Store }{{here, there}, {there, here}} {
			k := aKey(0)
			lacksKey(v, s.there, k)
			v.ok(s.here.InsertKey(v.ctx, k))
			hasKeys(v, s.there, k)
			k.Enabled, k.Expires, k.Digest, k.Retiring = !k.Enabled, time.Time{}, apikey.DigestOf("next"), k.Digest
			v.ok(s.here.UpdateKey(v.ctx, k))
			k.Version++
			hasKeys(v, s.there, k)
			_, err := s.there.KeyByDigest(v.ctx, aKey(0).Retiring)
			v.wants(err, apikey.ErrNotFound)
			v.ok(s.here.DeleteKey(v.ctx, k.ID))
			lacksKey(v, s.there, k)
			hasKeys(v, s.there)
		}
	}),
}, {
	"peer/version", "A change by one store makes what the other one has read out of date: its update gets ErrConflict.",
	withPeer(func(v *visit, here, there apikey.Store) {
		k := insertKeys(v, here, 1)[0]
		for i := range 3 {
			stale, err := there.Key(v.ctx, k.ID)
			v.ok(err)
			k.Description = fmt.Sprint(i)
			v.ok(here.UpdateKey(v.ctx, k))
			stale.Description = "stale"
			v.wants(there.UpdateKey(v.ctx, stale), apikey.ErrConflict)
			k.Version++
			here, there = there, here
		}
		hasKeys(v, here, k)
	}),
}, {
	"peer/unique", "An ID or a digest of one store's key is taken for the other one too.",
	withPeer(func(v *visit, here, there apikey.Store) {
		k := insertKeys(v, here, 1)[0]
		v.ok(there.InsertKey(v.ctx, apikey.Key{ID: "other", Version: 1}))
		v.wants(there.InsertKey(v.ctx, apikey.Key{ID: k.ID}), apikey.ErrExists)
		for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
			v.wants(there.InsertKey(v.ctx, apikey.Key{ID: "thief", Digest: d}), apikey.ErrExists)
			v.wants(there.UpdateKey(v.ctx, apikey.Key{ID: "other", Version: 1, Retiring: d}), apikey.ErrExists)
		}
		hasKeys(v, there, apikey.Key{ID: "other", Version: 1}, k)
	}),
}, {
	"peer/notify", "A Notifier reports the changes that the other store has made, once it can read them.",
	withPeer(func(v *visit, here, there apikey.Store) {
		n, ok := there.(usageplan.Notifier)
		if !ok {
			v.skip("needs a usageplan.Notifier")
		}
		heard, stop := listen(n, func(id string) string { return version(v, there, id) })
		defer stop()
		k := insertKeys(v, here, 1)[0]
		heard.wants(v, keyID(0)+" 1")
		v.ok(here.UpdateKey(v.ctx, k))
		heard.wants(v, keyID(0)+" 2")
		v.ok(here.DeleteKey(v.ctx, k.ID))
		heard.wants(v, keyID(0)+" gone")
	}),
}}
