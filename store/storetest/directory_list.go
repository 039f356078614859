package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

// listedKeys are cases of listings of keys.
var listedKeys = []directoryCase[apikey.Store]{{
	"list/order", "The key that was inserted last is listed first. Neither an ID, a time nor an update moves a key, and a " +
		"key that was deleted and inserted again is new.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 12)
		for i := range keys { // now the oldest has been updated last
			k := &keys[len(keys)-1-i]
			k.Updated, k.Created = aFuture.Add(time.Duration(i)*time.Hour), aFuture.Add(time.Duration(-i)*time.Hour)
			v.ok(s.UpdateKey(v.ctx, *k))
			k.Version++
		}
		lists(v, "after updates", v.listed(s, apikey.Filter{}, 5), reversed(keys))
		again := keys[4]
		v.ok(s.DeleteKey(v.ctx, again.ID))
		v.ok(s.InsertKey(v.ctx, again))
		keys = append(slices.Delete(keys, 4, 5), again)
		lists(v, "with a key that was inserted again", v.listed(s, apikey.Filter{}, 5), reversed(keys))
	},
}, {
	"list/deleted", "A listing goes on at its cursor though the keys beside the cursor are deleted.",
	func(v *visit, s apikey.Store) { v.deletesAtCursor(s, false) },
}, {
	"list/replaced", "A listing goes on at its cursor though the key beside the cursor is deleted and inserted again, by which it is new.",
	func(v *visit, s apikey.Store) { v.deletesAtCursor(s, true) },
}, {
	"list/several", "Several listings go on side by side, each by its own cursor.",
	func(v *visit, s apikey.Store) {
		insertKeys(v, s, 9)
		want := v.listed(s, apikey.Filter{}, 9)
		var cursors [3]string
		var ended [3]bool
		var listed [3][]apikey.Key
		for range 5 * len(want) {
			for i := range cursors { // with limits of 1, 2 and 3
				if ended[i] {
					continue
				}
				page, next, err := s.Keys(v.ctx, apikey.Filter{}, cursors[i], i+1)
				v.ok(err)
				cursors[i], listed[i], ended[i] = next, append(listed[i], page...), next == ""
			}
		}
		for i := range listed {
			lists(v, fmt.Sprint("listing ", i), listed[i], want)
		}
	},
}, {
	"list/limit", "A limit may be as great as an int is. A page then has what the store returns at a time.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 5)
		for _, limit := range []int{math.MaxInt32, math.MaxInt - 1, math.MaxInt} {
			v.listsKeys(s, fmt.Sprint("the listing by ", limit), apikey.Filter{}, limit, keys)
			v.listsKeys(s, fmt.Sprint("a customer by ", limit), apikey.Filter{CustomerID: "customer-1"}, limit, []apikey.Key{keys[1]})
		}
	},
}, {
	"list/text", "A filter compares customers, groups and the beginnings of names byte by byte.",
	func(v *visit, s apikey.Store) {
		var keys []apikey.Key
		texts := append(slices.Clone(hostileTexts), strings.Repeat(fourBytes, 1024), strings.Repeat(fourBytes, 1023), strings.Repeat(fourBytes, 1023)+"\U0001F510")
		for i, text := range texts {
			keys = append(keys, apikey.Key{ID: keyID(i), Name: text, CustomerID: text, Version: 1})
			v.ok(s.InsertKey(v.ctx, keys[i]))
		}
		for i, text := range texts {
			v.listsKeys(s, fmt.Sprintf("the keys of customer %.20q", text), apikey.Filter{CustomerID: text}, 3, keys[i:i+1])
			var want []apikey.Key
			for _, k := range keys {
				if strings.HasPrefix(k.Name, text) {
					want = append(want, k)
				}
			}
			v.listsKeys(s, fmt.Sprintf("the names that begin with %.20q", text), apikey.Filter{NamePrefix: text}, 3, want)
		}
		for i, id := range hostileIDs {
			k := apikey.Key{ID: keyID(len(texts) + i), GroupID: id, Version: 1}
			v.ok(s.InsertKey(v.ctx, k))
			keys = append(keys, k)
		}
		for i, id := range hostileIDs {
			v.listsKeys(s, fmt.Sprintf("the keys of group %.70q", id), apikey.Filter{GroupID: id}, 3, keys[len(texts)+i:len(texts)+i+1])
		}
	},
}}

// deletesAtCursor deletes keys on both sides of a cursor, and goes on with the listing.
func (v *visit) deletesAtCursor(s apikey.Store, again bool) {
	insertKeys(v, s, 20)
	keys := v.listed(s, apikey.Filter{}, 20)
	page, next, err := s.Keys(v.ctx, apikey.Filter{}, "", 5)
	v.ok(err)
	n := len(page)
	if n == 0 || n > 5 || next == "" {
		v.failf("a page of %d of 20 keys with the cursor %q: want 1 to 5, and a cursor", n, next)
	}
	lists(v, "the first page", page, keys[:n])
	for _, k := range keys[n-1 : n+2] { // the last of the page, and the next two
		v.ok(s.DeleteKey(v.ctx, k.ID))
	}
	if again {
		v.ok(s.InsertKey(v.ctx, keys[n-1])) // and it is at the top now
	}
	var rest []apikey.Key
	for cursor := next; cursor != ""; cursor = next {
		page, next, err = s.Keys(v.ctx, apikey.Filter{}, cursor, 5)
		v.ok(err)
		if rest = append(rest, page...); len(rest) > len(keys) {
			break
		}
	}
	lists(v, "the later pages", rest, keys[n+2:])
}
