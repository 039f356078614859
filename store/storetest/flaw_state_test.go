package storetest

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"hash/fnv"

	"github.com/ration-go/ration/store"
)

var stateFlaws = []flaw{{
	name:    "a key without the kind of the meter",
	caught:  []string{"state/kinds"},
	counter: withState(byText(func(k key) string { return fmt.Sprint(k.start, k.subject, "\n", k.name) })),
}, {
	name:   "a name and a start joined without a separator",
	caught: []string{"state/joined"},
	counter: withState(byText(func(k key) string {
		return fmt.Sprint(k.window, k.subject, "\n") + k.name + fmt.Sprint(k.start)
	})),
}, {
	name:   "a start and a name joined without a separator",
	caught: []string{"state/joined"},
	counter: withState(byText(func(k key) string {
		return fmt.Sprintf("%t %s\n%d%s", k.window, k.subject, k.start, k.name)
	})),
}, {
	name:   "a name and a start joined with a colon, beside the plain names of buckets",
	caught: []string{"state/joined"},
	counter: withState(byText(func(k key) string {
		if k.window {
			k.name += fmt.Sprint(":", k.start)
		}
		return fmt.Sprint(k.subject, "\n") + k.name
	})),
}, {
	name:   "a name followed by the eight bytes of its start, beside the plain names of buckets",
	caught: []string{"state/joined"},
	counter: withState(byText(func(k key) string {
		if k.window {
			k.name = string(binary.BigEndian.AppendUint64([]byte(k.name), uint64(k.start)))
		}
		return fmt.Sprint(k.subject, "\n") + k.name
	})),
}, {
	name:    "subjects found by their FNV-1a hash",
	caught:  []string{"state/subject-hash"},
	counter: withState(bySubjectHash(func(s []byte) uint32 { h := fnv.New32a(); h.Write(s); return h.Sum32() })),
}, {
	name:    "subjects found by their CRC-32",
	caught:  []string{"state/subject-hash"},
	counter: withState(bySubjectHash(crc32.ChecksumIEEE)),
}, {
	name:    "subjects found by their Adler-32",
	caught:  []string{"state/subject-hash"},
	counter: withState(bySubjectHash(adler32.Checksum)),
}, {
	name:    "subjects found by their CRC-32C",
	caught:  []string{"state/subject-hash"},
	counter: withState(bySubjectHash(func(s []byte) uint32 { return crc32.Checksum(s, crc32.MakeTable(crc32.Castagnoli)) })),
}, {
	name:   "meters of a subject found by the FNV-1 hash of their name",
	caught: []string{"state/name-hash"},
	counter: withState(byText(func(k key) string {
		h := fnv.New32()
		h.Write([]byte(k.name))
		return fmt.Sprint(h.Sum32(), k.window, k.start, k.subject)
	})),
}}

// bySubjectHash returns the flaw of a store that finds subjects by a hash alone.
func bySubjectHash(hash func(s []byte) uint32) func(o *stateful, c *store.Charge) {
	return byText(func(k key) string { return fmt.Sprint(hash([]byte(k.subject)), k.window, k.start, "\n") + k.name })
}
