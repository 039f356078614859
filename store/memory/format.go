package memory

import (
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A saved Store is a file of JSON lines, in this order:
//
//	{"ration": ...}    one head
//	{"plan": ...}      plans, links, groups and keys, each kind in the order of its numbers
//	{"link": ...}
//	{"group": ...}
//	{"key": ...}
//	{"meter": ...}     meters and accounts; a meter stands before the first account that has it
//	{"account": ...}
//	{"moved": ...}     subjects that were closed, among the accounts
//	{"end": ...}       one end, with the SHA-256 of all bytes before it
//
// A meter is written once, and accounts refer to it by its position among the meters.
// Most accounts of a plan share their meters. Subjects and the names of meters may be any
// bytes, so they are in base64.
const formatVersion = 3

// A record is one line. Exactly one of its members is set.
type record struct {
	Head    *head                      `json:"ration,omitempty"`
	Plan    *numbered[usageplan.Plan]  `json:"plan,omitempty"`
	Link    *numbered[usageplan.Link]  `json:"link,omitempty"`
	Group   *numbered[usageplan.Group] `json:"group,omitempty"`
	Key     *numbered[apikey.Key]      `json:"key,omitempty"`
	Meter   *savedMeter                `json:"meter,omitempty"`
	Account *savedAccount              `json:"account,omitempty"`
	Moved   *savedMove                 `json:"moved,omitempty"`
	End     *end                       `json:"end,omitempty"`
}

// A head says when the file was written, and which numbers the directory had given. A
// loaded Store gives none of them again, and still accepts cursors of the old one.
type head struct {
	Version int    `json:"version"`
	Saved   int64  `json:"saved"` // Unix microseconds
	Keys    uint64 `json:"keys"`
	Plans   uint64 `json:"plans"` // to a plan, a link or a group
}

// An end completes a file. A file without one was cut off.
type end struct {
	Records int    `json:"records"` // of the lines before it, the head included
	Sum     string `json:"sha256"`
}

// numbered is a record of a list with its number.
type numbered[T any] struct {
	Number uint64 `json:"n"`
	Record T      `json:"record"`
}

// A savedMeter is a store.Meter.
type savedMeter struct {
	Name   []byte        `json:"name"`
	Max    int64         `json:"max"`
	Tokens int64         `json:"tokens,omitzero"`
	Per    int64         `json:"per,omitzero"`
	Rare   bool          `json:"rare,omitzero"`
	Start  int64         `json:"start,omitzero"`
	End    int64         `json:"end,omitzero"`
	Keep   time.Duration `json:"keep,omitzero"`
}

func newSavedMeter(m *store.Meter) *savedMeter {
	return &savedMeter{[]byte(m.Name), m.Max, m.Rate.Tokens, m.Rate.Per, m.Rare, m.Start, m.End, m.Keep}
}

func (m *savedMeter) meter() store.Meter {
	return store.Meter{
		Name: string(m.Name), Max: m.Max, Rate: store.Rate{Tokens: m.Tokens, Per: m.Per},
		Rare: m.Rare, Start: m.Start, End: m.End, Keep: m.Keep,
	}
}

// A savedAccount is a subject and the states of its meters. A state begins with the
// position of its meter in the file. Used, Extra and Last follow for a window; Tokens,
// Part and Last follow for a bucket, where Last is by the wall clock.
type savedAccount struct {
	Subject []byte    `json:"subject"`
	States  [][]int64 `json:"states"`
}

// The lengths of a state.
const (
	windowFigures = 1 + 3
	bucketFigures = 1 + 3
)

// A savedMove is a subject that was closed.
type savedMove struct {
	Subject []byte `json:"subject"`
	To      []byte `json:"to"`
	Until   int64  `json:"until"` // Unix seconds
}
