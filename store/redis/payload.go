package redis

import (
	"slices"
	"strings"
	"sync"
)

// payload writes the keys and arguments of many.lua. Each key and each of the terms is
// sent once, however many of the requests have it: the keys of one plan have the same
// terms, and those of one organisation have its key.
type payload struct {
	indexes map[string]int // of the keys
	keys    []string
	terms   []string
	args    []string
	records strings.Builder
}

// payloadPool holds payloads for calls of one request. The client copies what it is
// given, so a payload can be used again when the client has returned.
var payloadPool = sync.Pool{New: func() any { return new(payload) }}

// payloadOf returns a payload with r alone. The caller puts it back.
func payloadOf(r *request) *payload {
	p := payloadPool.Get().(*payload)
	p.reset()
	p.add(r)
	return p
}

// reset empties p, and keeps its buffers.
func (p *payload) reset() {
	if p.indexes == nil {
		p.indexes = map[string]int{}
	}
	clear(p.indexes)
	clear(p.keys)
	clear(p.terms)
	clear(p.args)
	p.keys, p.terms = p.keys[:0], p.terms[:0]
	p.args = append(p.args[:0], "") // for the records
	p.records.Reset()
}

// add adds a decision.
func (p *payload) add(r *request) {
	p.records.WriteByte(byte(r.parts))
	var prefix [4]byte
	for i := range r.parts {
		text := r.part(i)
		p.records.Write(appendIndex(appendIndex(prefix[:0], p.keyIndex(text.key)), p.termsIndex(&text)))
		p.records.WriteString(text.units)
	}
}

func (p *payload) keyIndex(key string) int {
	i, known := p.indexes[key]
	if !known {
		i = len(p.keys)
		p.indexes[key] = i
		p.keys = append(p.keys, key)
	}
	return i
}

func (p *payload) termsIndex(text *partText) int {
	i := slices.Index(p.terms, text.terms)
	if i < 0 {
		i = len(p.terms)
		p.terms = append(p.terms, text.terms)
		p.args = append(p.args, text.head, text.length(), text.figures)
	}
	return i
}

// call returns the keys and arguments of the call.
func (p *payload) call() (keys, args []string) {
	p.args[0] = p.records.String()
	return p.keys, p.args
}
