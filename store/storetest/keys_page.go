package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// pagedKeys are cases of the pages and the filters of a listing.
var pagedKeys = []directoryCase[apikey.Store]{{
	"list", "A listing is complete, newest first, in pages of at most the limit.",
	func(v *visit, s apikey.Store) {
		want := insertKeys(v, s, 25)
		slices.Reverse(want)
		for _, limit := range []int{1, 5, 7, 25, 500} {
			all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) {
				keys, next, err := s.Keys(v.ctx, apikey.Filter{}, cursor, limit)
				if len(keys) > limit {
					v.failf("a page of %d: want at most %d", len(keys), limit)
				}
				return keys, next, err
			})
			lists(v, fmt.Sprintf("the listing by %d", limit), all, want)
		}
	},
}, {
	"list/meanwhile", "Keys that are inserted, updated or deleted between pages do not disturb the listing of the other keys.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 60)
		gone := map[string]bool{}
		i := 0
		all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) {
			page, next, err := s.Keys(v.ctx, apikey.Filter{}, cursor, 4)
			for n := range 3 {
				v.ok(s.InsertKey(v.ctx, aKey(1000+3*i+n)))
			}
			for _, doomed := range []apikey.Key{keys[i], keys[59-i]} { // one that is to come, and one that was listed
				gone[doomed.ID] = true
				v.ok(s.DeleteKey(v.ctx, doomed.ID))
			}
			changed, err2 := s.Key(v.ctx, keys[30].ID)
			v.ok(err2)
			v.ok(s.UpdateKey(v.ctx, changed))
			i++
			return page, next, err
		})
		v.undisturbed(keyIDs(all), keyIDs(keys), gone)
	},
}, {
	"list/customer", "A filter by customer returns that customer's keys, and with a NamePrefix those of them whose names begin " +
		"with it.",
	func(v *visit, s apikey.Store) {
		insertKeys(v, s, 20)
		keys := v.listed(s, apikey.Filter{}, 10)
		for _, f := range []apikey.Filter{{CustomerID: "customer-1"}, {CustomerID: "customer"}, {CustomerID: "customer-1", NamePrefix: "name-1"}} {
			var want []apikey.Key
			for _, k := range keys {
				if (k.CustomerID == f.CustomerID) && strings.HasPrefix(k.Name, f.NamePrefix) {
					want = append(want, k)
				}
			}
			all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) { return s.Keys(v.ctx, f, cursor, 3) })
			lists(v, fmt.Sprintf("the listing of %+v", f), all, want)
		}
	},
}, {
	"list/group", "A filter by group returns the keys of that group alone, and with a CustomerID and a NamePrefix those of them " +
		"that these select. An update can take a key to another group.",
	func(v *visit, s apikey.Store) {
		keys := insertKeys(v, s, 20)
		check := func() {
			for _, group := range []string{groupID(0), groupID(1), groupID(5), "none"} {
				for _, f := range []apikey.Filter{{}, {CustomerID: "customer-1"}, {NamePrefix: "name-1"}, {CustomerID: "customer-3", NamePrefix: "name-0"}} {
					f.GroupID = group
					var want []apikey.Key
					for _, k := range keys {
						if f.Passes(&k) {
							want = append(want, k)
						}
					}
					for _, limit := range []int{1, 3, 100} {
						lists(v, fmt.Sprintf("the listing of %+v by %d", f, limit), v.listed(s, f, limit), reversed(want))
					}
				}
			}
		}
		check()
		for i, group := range []string{groupID(5), groupID(1), "", groupID(0)} {
			keys[i].GroupID = group
			v.ok(s.UpdateKey(v.ctx, keys[i]))
			keys[i].Version++
		}
		v.ok(s.DeleteKey(v.ctx, keys[7].ID))
		keys = slices.Delete(keys, 7, 8)
		check()
	},
}, {
	"list/filter", "A filter returns the names that begin with NamePrefix, byte for byte, whatever the page size.",
	func(v *visit, s apikey.Store) {
		insertKeys(v, s, 20)
		for i, name := range []string{"100%_*?[a] sure", `back\slash`, "naïve"} {
			odd := aKey(20 + i)
			odd.Name = name
			v.ok(s.InsertKey(v.ctx, odd))
		}
		keys := v.listed(s, apikey.Filter{}, 10)
		for _, prefix := range []string{
			"name-1", "NAME-1", "name_1", "name%1", "n*", "n?me", "[a-z]ame", "100%_*?[a]", `back\`, "naï", "ame",
		} {
			var want []apikey.Key
			for _, k := range keys {
				if strings.HasPrefix(k.Name, prefix) {
					want = append(want, k)
				}
			}
			for _, limit := range []int{1, 3, 100} {
				all, _ := walk(v, func(cursor string) ([]apikey.Key, string, error) {
					return s.Keys(v.ctx, apikey.Filter{NamePrefix: prefix}, cursor, limit)
				})
				lists(v, fmt.Sprintf("the listing of %q by %d", prefix, limit), all, want)
			}
		}
	},
}, {
	"list/cursor", "A call with a cursor that no listing returned returns ErrInvalid.",
	func(v *visit, s apikey.Store) {
		insertKeys(v, s, 3)
		for _, cursor := range []string{"?", "-1", " ", keyID(1) + "\x00", "99999999999999999999999999"} {
			_, _, err := s.Keys(v.ctx, apikey.Filter{}, cursor, 1)
			v.wants(err, apikey.ErrInvalid)
		}
	},
}}
