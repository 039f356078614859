package memory

import (
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A saved Store is lines of JSON: a head; plans, links and keys, each in the order in
// which they came, with their numbers; meters, and accounts that name them by their
// place; an end, whose sum is of all bytes before it. What may be any bytes is in base64.
const formatVersion = 1

// record is one line: one of its members.
type record struct {
	Head    *head                     `json:"ration,omitempty"`
	Plan    *numbered[usageplan.Plan] `json:"plan,omitempty"`
	Link    *numbered[usageplan.Link] `json:"link,omitempty"`
	Key     *numbered[apikey.Key]     `json:"key,omitempty"`
	Meter   *meter                    `json:"meter,omitempty"`
	Account *saved                    `json:"account,omitempty"`
	End     *end                      `json:"end,omitempty"`
}

// head has the last numbers given, which tell old cursors from what cannot be one, and
// when the file was made.
type head struct {
	Version int    `json:"version"`
	Saved   int64  `json:"saved"` // Unix microseconds
	Keys    uint64 `json:"keys"`
	Plans   uint64 `json:"plans"`
}

type end struct {
	Records int    `json:"records"` // the head included
	Sum     string `json:"sha256"`
}

type numbered[T any] struct {
	Number uint64 `json:"n"`
	Record T      `json:"record"`
}

// meter is a store.Meter.
type meter struct {
	Name   []byte        `json:"name"`
	Max    int64         `json:"max"`
	Tokens int64         `json:"tokens,omitzero"`
	Per    int64         `json:"per,omitzero"`
	Rare   bool          `json:"rare,omitzero"`
	Start  int64         `json:"start,omitzero"`
	End    int64         `json:"end,omitzero"`
	Keep   time.Duration `json:"keep,omitzero"`
}

func meterOf(m *store.Meter) *meter {
	return &meter{[]byte(m.Name), m.Max, m.Rate.Tokens, m.Rate.Per, m.Rare, m.Start, m.End, m.Keep}
}

func (m *meter) meter() store.Meter {
	return store.Meter{Name: string(m.Name), Max: m.Max, Rate: store.Rate{Tokens: m.Tokens, Per: m.Per}, Rare: m.Rare,
		Start: m.Start, End: m.End, Keep: m.Keep}
}

// saved is an account: of each of its meters the place among the file's, and of a window
// used and extra, of a bucket tokens, part and last, by the wall's clock.
type saved struct {
	Subject []byte    `json:"subject"`
	States  [][]int64 `json:"states"`
}

const (
	windowFigures = 1 + 2
	bucketFigures = 1 + 3
)
