package storetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

// maxIDLength is the length of the longest ID of a key, a plan or a group.
const maxIDLength = 64

// anID returns the i-th ID of a kind of records. The IDs do not ascend with i, have any
// case, and have up to maxIDLength characters.
func anID(kind string, i int) string {
	mixed := strconv.FormatUint(uint64(i+1)*0x9E3779B97F4A7C15, 36)
	id := fmt.Sprintf("%s-%s_%d", mixed[:4], kind, i)
	switch i % 4 {
	case 1:
		return strings.ToUpper(id)
	case 2:
		return strings.Repeat("x", maxIDLength-len(id)) + id
	case 3:
		return "_" + mixed[:6] + kind[:1] + strconv.Itoa(i)
	default:
		return id
	}
}

func keyID(i int) string { return anID("key", i) }

func planID(i int) string { return anID("plan", i) }

func groupID(i int) string { return anID("group", i) }

// aTime returns the time of the i-th of many records. The times do not ascend with i.
// Some have no fraction, and some are equal.
func aTime(i int) time.Time {
	return time.Date(2026, 11, 23, 12, 59-i*37%60, 0, i%3*123_456_000, time.UTC)
}

// aFuture is a time that no test reaches.
var aFuture = time.Date(2226, 2, 28, 23, 59, 59, 999_999_000, time.UTC)

// aDigest returns a digest that has these bytes at its ends and zeros between them.
func aDigest(first, last byte) (d apikey.Digest) {
	d[0], d[len(d)-1] = first, last
	return d
}

// hostileIDs are IDs that a store may confuse: they differ only in case, in the last
// character, in how é is composed, or in how a number or a name is read.
var hostileIDs = []string{
	"zebra", "Zebra", "ZEBRA", "apple",
	"7", "07", "007", "7e0", "0x7", "-7",
	"null", "NULL", "true", "-", "_", "--", "a_c", "abc", "a-c",
	strings.Repeat("n", maxIDLength), strings.Repeat("n", maxIDLength-1), strings.Repeat("n", maxIDLength-1) + "N",
	"caf\u00e9", "cafe\u0301", "cafe", "\U0001F511", "\U0001F512", "stra\u00dfe", "strasse",
}

// hostileTexts are texts that a store may confuse in a comparison or change when it keeps
// them.
var hostileTexts = []string{
	"Acme", "acme", "ACME", "acme ", " acme", "acme\u00a0", "acm\u00e9", "acme\u0301", "acm",
	"acme\U0001F511", "acme\uffff", "acme\u2028", `acme"`, `acme'; --`, "acme%", "acme_", `acme\`, "<acme>&", "7", "07", "null",
}
