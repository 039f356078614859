package storetest

import (
	"math"

	"github.com/ration-go/ration/store"
)

var setPromises = []promise{{
	name: "set/window",
	says: "SetRemaining makes N what remains of a window, whatever its use is. Repeating it changes nothing.",
	story: []step{
		take(2, daily(0, 3)).yes(2),
		set(5, daily(0, 3)).yes(2).outof(7),
		set(5, daily(0, 3)).yes(2).outof(7),
		read(daily(0, 3)).yes(2).outof(7),
		take(4, daily(0, 3)).yes(6).outof(7),
		take(2, daily(0, 3)).no(6).outof(7).waits(day),
		set(1, daily(0, 3)).yes(6).outof(7),
		set(3, daily(0, 3)).yes(6).outof(9),
		set(0, daily(0, 3)).yes(6).outof(6),
		take(1, daily(0, 3)).no(6).outof(6).waits(day),
		set(3, daily(0, 3)).as("newcomer").yes(0),
		set(2, daily(0, 3)).as("newcomer").yes(0).outof(2),
		take(3, daily(0, 3)).as("newcomer").no(0).outof(2),
		take(2, daily(0, 3)).as("newcomer").yes(2).outof(2),
	},
}, {
	name: "set/this-window",
	says: "An extension is for one window only. The next window has the plain allowance.",
	story: []step{
		take(3, daily(0, 3)).yes(3),
		set(4, daily(0, 3)).yes(3).outof(7),
		later(day),
		read(daily(1, 3)).yes(0),
		take(4, daily(1, 3)).no(0).waits(store.Never),
		take(3, daily(1, 3)).yes(3),
		read(daily(0, 3)).yes(3).outof(7),
		set(9, daily(0, 3)).yes(3).outof(12),
		read(daily(1, 3)).yes(3),
		set(1, daily(1, 3)).yes(3).outof(4),
		read(daily(0, 3)).yes(3).outof(12),
	},
}, {
	name: "set/refund",
	says: "A refund after an extension lowers the use and keeps the extension.",
	story: []step{
		take(3, daily(0, 3)).yes(3),
		set(2, daily(0, 3)).yes(3).outof(5),
		give(2, daily(0, 3)).yes(1).outof(5),
		take(5, daily(0, 3)).no(1).outof(5).waits(store.Never),
		take(4, daily(0, 3)).yes(5).outof(5),
		give(9, daily(0, 3)).yes(0).outof(5),
		read(daily(0, 3)).yes(0).outof(5),
	},
}, {
	name: "set/plan",
	says: "An extension is a number of added units. It stays when the limit changes, and an allowance is never below zero.",
	story: []step{
		take(3, daily(0, 3)).yes(3),
		set(2, daily(0, 3)).yes(3).outof(5),
		read(daily(0, 10)).yes(3).outof(12),
		set(0, daily(0, 10)).yes(3).outof(3),
		read(daily(0, 3)).yes(3).outof(0),
		take(1, daily(0, 3)).no(3).outof(0).waits(day),
		set(2, daily(0, 0)).yes(3).outof(5),
		take(2, daily(0, 0)).yes(5).outof(5),
		take(1, daily(0, 0)).no(5).outof(5).waits(store.Never),
	},
}, {
	name: "set/settled",
	says: "Units used beyond the limit, with a Max of Unlimited, stay used. SetRemaining counts from there.",
	story: []step{
		take(2, daily(0, 3)).yes(2),
		take(9, daily(0, store.Unlimited)).yes(11),
		take(1, daily(0, 3)).no(11).waits(day),
		set(4, daily(0, 3)).yes(11).outof(15),
		read(daily(0, store.Unlimited)).yes(11),
		take(5, daily(0, 3)).no(11).outof(15).waits(store.Never),
		take(3, daily(0, 3)).yes(14).outof(15),
		give(14, daily(0, store.Unlimited)).yes(0),
		read(daily(0, 3)).yes(0).outof(15),
	},
}, {
	name: "set/bucket",
	says: "SetRemaining makes a bucket hold N tokens, at most its capacity.",
	story: []step{
		take(2, bucket("rate", 5, perDay)).yes(2),
		set(1, bucket("rate", 5, perDay)).yes(4).resets(4 * day),
		set(1, bucket("rate", 5, perDay)).yes(4).resets(4 * day),
		take(2, bucket("rate", 5, perDay)).no(4).waits(day),
		set(9, bucket("rate", 5, perDay)).yes(0).resets(0),
		take(5, bucket("rate", 5, perDay)).yes(5),
		set(3, bucket("rate", 5, store.Rate{})).yes(2).resets(store.Never),
		set(0, bucket("rate", 5, perDay)).as("newcomer").yes(5),
		read(bucket("rate", 5, perDay)).as("newcomer").yes(5),
	},
}, {
	name: "set/several",
	says: "SetRemaining sets each of Meters to its own N. It is never refused and does not change Unlimited windows.",
	story: []step{
		take(2, rate, quota, calls).yes(2, 2, 2),
		setEach(100, 1, 7).of(quota, rate, calls).yes(2, 1, 2).outof(102, 2, store.Unlimited),
		setEach(0, 0, 0).of(quota, rate, calls).yes(2, 2, 2).outof(2, 2, store.Unlimited),
		read(month, rate, quota, calls).yes(0, 2, 2, 2).outof(4, 2, 2, store.Unlimited),
		take(5, calls).yes(7),
	},
}, {
	name: "set/bounds",
	says: "An N below zero counts as zero, and an N beyond the bounds as the bound.",
	story: []step{
		take(1, rate, quota).yes(1, 1),
		set(-1, rate, quota).yes(2, 1).outof(2, 1),
		set(math.MinInt64, rate, quota).yes(2, 1).outof(2, 1),
		set(math.MaxInt64, rate, quota, calls).yes(0, 1, 0).outof(2, store.MaxUnits, store.Unlimited),
		take(2, rate, quota).yes(2, 3).outof(2, store.MaxUnits),
		set(0, rate, quota).yes(2, 3).outof(2, 3),
	},
}}
