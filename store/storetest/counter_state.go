package storetest

import (
	"encoding/binary"
	"time"

	"github.com/ration-go/ration/store"
)

var statePromises = []promise{{
	name: "state/kinds",
	says: "A bucket and a window of one name are two states, even if the window starts in 1970. What happens to one " +
		"does not change the other.",
	test: func(t *trial) {
		bucket, window := bucket("day", 2, perDay), window("day", 3, 0, 9*day)
		t.base = time.Unix(0, 0)
		t.play(
			askew(time.Second),
			take(1, bucket).yes(1),
			take(2, window).yes(2),
			read(bucket).yes(1),
			give(9, bucket).yes(0),
			read(window).yes(2),
			set(5, window).yes(2).outof(7),
			read(bucket).yes(0),
			set(1, bucket).yes(1),
			read(window).yes(2).outof(7),
			give(2, window).yes(0).outof(7),
			read(bucket).yes(1),
		)
	},
}, {
	name: "state/joined",
	says: "Names are any bytes. No name is confused with another name and a start, however a store joins the two.",
	test: func(t *trial) {
		t.base = time.Unix(0, 0)
		t.readBack(joined())
	},
}, {
	name: "state/subject-hash",
	says: "Subjects whose 32-bit hashes are equal do not affect one another.",
	test: func(t *trial) {
		on := []store.Meter{rate, quota, calls}
		for _, pair := range meeting {
			t.play(
				take(2, on...).as(pair.a).yes(2, 2, 2),
				take(1, on...).as(pair.b).yes(1, 1, 1),
				read(on...).as(pair.a).yes(2, 2, 2),
				give(1, on...).as(pair.a).yes(1, 1, 1),
				give(1, on...).as(pair.b).yes(0, 0, 0),
			)
		}
	},
}, {
	name: "state/name-hash",
	says: "Meters of one subject whose names have equal 32-bit hashes do not affect one another.",
	test: func(t *trial) {
		for _, pair := range meeting {
			on := []store.Meter{bucket(pair.a, 9, perDay), bucket(pair.b, 9, perDay), window(pair.a, 9, 0, day), window(pair.b, 9, 0, day)}
			t.play(
				each(1, 2, 3, 4).of(on...).yes(1, 2, 3, 4),
				take(1, on[1], on[2]).yes(3, 4),
				read(on...).yes(1, 3, 4, 4),
			)
		}
	},
}}

// joined returns windows and buckets whose names and starts are equal texts, or equal
// bytes, if they are joined in one of the usual ways.
func joined() (meters []store.Meter) {
	window := func(name string, start int64) {
		meters = append(meters, store.Meter{Name: name, Max: 1000, Start: start, End: start + 1000, Keep: day})
	}
	for _, start := range []int64{1260, 260, 60, 500, -500} {
		for _, name := range []string{"w", "w1", "w12", "w-", "1", "12"} {
			window(name, start)
		}
	}
	texts := []string{
		"1260", "-500", "4ec", "4EC", "0000001260", "1260000", "1260000000", "1970-01-01", "19700101", "1970-01-01T00:21:00Z",
		string(binary.BigEndian.AppendUint64(nil, 1260)), string(binary.LittleEndian.AppendUint64(nil, 1260)),
		string(binary.AppendVarint(nil, 1260)), string(binary.AppendUvarint(nil, 1260)),
	}
	for _, start := range []int64{7, 77} {
		for _, name := range []string{"x", "7x", "77x"} {
			window(name, start)
		}
	}
	for _, separator := range []string{"", ":", "/", "|", "-", "_", ".", "#", "@", ",", " ", "\x00", "\n"} {
		for _, text := range texts {
			meters = append(meters, bucket("w"+separator+text, 1000, store.Rate{}))
		}
		meters = append(meters, bucket("1260"+separator+"w", 1000, store.Rate{}))
	}
	return meters
}

// meeting are texts of equal length with equal hashes.
var meeting = []struct{ hash, a, b string }{
	{"FNV-1", "key-1xw0xm6", "key-4pphkxh"},
	{"FNV-1a", "key-2w4hshg", "key-60wx1hw"},
	{"CRC-32", "key-3410du7", "key-6qohac0"},
	{"CRC-32C", "key-27f1277", "key-8vaadvx"},
	{"Adler-32", "key-14qlik", "key-2a7brx"},
	{"Java's String.hashCode", "key-1abce6zy", "key-2rniqj6c"},
	{"djb2", "key-10e90xe3", "key-5pjzz5mz"},
	{"djb2a", "key-2jsnz2u", "key-416p193"},
	{"sdbm", "key-1q04vm8t", "key-3ay8dlce"},
	{"MurmurHash3", "key-4mfn34z", "key-5k6nfdd"},
	{"xxHash32", "key-563lh7x", "key-cuey5ea"},
}
