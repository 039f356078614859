package storetest

import (
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/ration-go/ration/store"
)

var ownPromises = []promise{{
	name: "own/meters",
	says: "Meters are shared and read only. No charge changes them.",
	test: func(t *trial) {
		meters := t.meters(rate, quota, calls, daily(1, 3))
		before := slices.Clone(meters)
		for _, n := range []int64{0, 1, 1, 9, -1, -9, 1, 0} {
			for _, set := range []bool{false, true} {
				c := &store.Charge{Op: opOf(set), At: t.at(), Parts: []store.Part{store.NewPart("somebody", n, meters...)}}
				t.take(c)
				if !slices.Equal(meters, before) || len(c.Parts[0].Meters) != len(before) || &c.Parts[0].Meters[0] != &meters[0] {
					t.failf("%s: Take changed c.Meters:\n\t%s", about(c),
						lines(differences("Meters", reflect.ValueOf(c.Parts[0].Meters), reflect.ValueOf(before))))
				}
			}
		}
	},
}, {
	name: "own/after-return",
	says: "Once Take has returned, the store does not write to the Charge.",
	test: func(t *trial) {
		for _, s := range []step{read(rate, quota), take(1, rate, quota), take(9, rate, quota), set(2, rate, quota)} {
			c := t.take(t.charge(s))
			after := clone(c)
			t.pause(time.Millisecond)
			t.play(take(1, month).as("other").yes(1), give(1, month).as("other").yes(0))
			if !reflect.DeepEqual(c, after) {
				t.failf("%s: after Take had returned:\n\t%s", about(after),
					lines(differences("", reflect.ValueOf(*c), reflect.ValueOf(*after))))
			}
		}
	},
}, {
	name: "own/reuse",
	says: "Once Take has returned, the store does not read what the Charge pointed to. The caller may overwrite its " +
		"meters and the bytes of its subject.",
	test: reuse,
}}

// reuse charges from memory that it overwrites after each call.
func reuse(t *trial) {
	buffer := make([]byte, len("subject 0"))
	meters := make([]store.Meter, 3)
	c := new(store.Charge)
	for round := range int64(3) {
		for i := range byte(10) {
			copy(buffer, "subject ")
			buffer[8] = '0' + i
			copy(meters, t.meters(bucket("rate", 100, perDay), daily(0, 100), use(0)))
			*c = store.Charge{At: t.at(), Parts: []store.Part{store.NewPart(unsafe.String(&buffer[0], len(buffer)), int64(i)+1, meters...)}}
			t.take(c)
			want := slices.Clone(c.Parts[0].Levels[:3])
			for j := range want {
				want[j].Used = (round + 1) * (int64(i) + 1)
			}
			if wrong := t.differences(c, true, want); wrong != "" {
				t.failf("%s, round %d:%s", about(c), round+1, wrong)
			}
			clear(buffer)
			clear(meters)
			*c = store.Charge{}
		}
	}
	for i := range 10 {
		want := 3 * (int64(i) + 1)
		t.play(read(bucket("rate", 100, perDay), daily(0, 100), use(0)).as("subject "+string(rune('0'+i))).yes(want, want, want))
	}
}
