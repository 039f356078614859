package redis

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// flight is one call, and the next, for as long as somebody waits.
type flight struct {
	start func() // fly: so that to start a goroutine of it makes nothing

	queue   *queue
	link    *link
	scripts *scripts
	term    *term

	passengers []*passenger
	heads      []string // that differ
	keys, args []string
	records    strings.Builder
	reply      string
	err        error
}

// hangar has flights that are over: what they have made is used again.
var hangar = sync.Pool{New: func() any { return &flight{term: newTerm()} }}

// ready is a flight that can start.
func ready(q *queue, l *link, s *scripts) *flight {
	f := hangar.Get().(*flight)
	if f.queue, f.link, f.scripts = q, l, s; f.start == nil {
		f.start = f.fly
	}
	return f
}

// fly carries all who wait, and who come meanwhile, until nobody does.
func (f *flight) fly() {
	for f.queue.board(f) {
		f.call()
		f.handOut()
	}
	f.queue, f.link, f.scripts = nil, nil, nil
	hangar.Put(f)
}

// call asks the server, for one passenger or many.
func (f *flight) call() {
	f.term.begin(f.deadline(time.Now()))
	first := f.passengers[0]
	switch {
	case first.errand != nil:
		first.errand(f.term)
	case len(f.passengers) == 1:
		f.reply, f.err = f.link.one(f.term, f.scripts, &first.request)
	default:
		f.write()
		f.reply, f.err = f.link.run(f.term, &f.scripts.many, f.keys, f.args).ToString()
	}
	if !f.term.end() || f.err != nil || first.errand != nil { // somebody may hold it still
		f.term = newTerm()
	}
}

// A call is given up no sooner than after brief, though all who wait for it have left: a
// connection that is being made, or has one caller at a time, would go with it, and the
// calls of others. For who waits without end it is given up after long.
const (
	brief = time.Second
	long  = 10 * time.Second
)

// deadline is that of the passenger who can wait longest.
func (f *flight) deadline(now time.Time) time.Time {
	last := now.Add(brief)
	for _, p := range f.passengers {
		d := p.deadline
		if d.IsZero() {
			d = now.Add(long)
		}
		if d.After(last) {
			last = d
		}
	}
	return last
}

// write makes keys and args: what many.lua says.
func (f *flight) write() {
	f.keys, f.heads, f.args = f.keys[:0], f.heads[:0], append(f.args[:0], "")
	f.records.Reset()
	var b [4]byte
	for _, p := range f.passengers {
		head := slices.Index(f.heads, p.headArg())
		if head < 0 {
			head = len(f.heads)
			f.heads, f.args = append(f.heads, p.headArg()), append(f.args, p.headArg(), p.length())
		}
		f.keys = append(f.keys, p.value())
		f.records.Write(appendIndex(appendIndex(b[:0], head), len(p.figures())))
		f.records.WriteString(p.figures())
	}
	f.args[0] = f.records.String()
}

// handOut gives each passenger its reply.
func (f *flight) handOut() {
	alone := len(f.passengers) == 1
	for _, p := range f.passengers {
		if p.reply, p.err = f.reply, f.err; !alone {
			p.reply, p.err = f.next(p)
		}
		p.done <- struct{}{}
	}
	clear(f.passengers)
	f.passengers, f.reply, f.err = f.passengers[:0], "", nil
}

var errShort = errors.New("reply of many decisions: too short")

// next cuts the reply of p from what is left.
func (f *flight) next(p *passenger) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	if len(f.reply) < tailLen {
		return "", errShort
	}
	n := tailLen + p.meters*stateLen
	if f.reply[0] == faulty {
		n = tailLen + int(number(f.reply[1:]))
	}
	if n < tailLen || n > len(f.reply) {
		return "", errShort
	}
	reply := f.reply[:n]
	f.reply = f.reply[n:]
	if reply[0] == faulty {
		return "", scriptError(reply[tailLen:])
	}
	return reply, nil
}
