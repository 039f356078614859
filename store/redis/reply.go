package redis

import (
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

var (
	errShort = errors.New("reply: too short")
	errLong  = errors.New("reply: too long")
)

// cutReply cuts the reply to r off the front of all. A reply is a tail for each part (see
// layout.go). For a decision that failed it is the byte faulty or closed, a length as a
// number, and so many bytes that say why.
func cutReply(r *request, all string) (reply, rest string, err error) {
	if len(all) < tailLen {
		return "", "", errShort
	}
	failed, n := all[0] == faulty || all[0] == closed, r.replyLen()
	if failed {
		size := number(all[1:])
		if size < 0 || size > int64(len(all)-tailLen) {
			return "", "", errShort
		}
		n = tailLen + int(size)
	}
	if n > len(all) {
		return "", "", errShort
	}
	reply, rest = all[:n], all[n:]
	switch {
	case !failed:
		return reply, rest, nil
	case n < tailLen+2: // neither an error nor a part and a phase
		return "", rest, errShort
	case reply[0] == faulty:
		return "", rest, scriptError(reply[tailLen:])
	}
	return "", rest, &closedError{part: int(reply[tailLen]), phase: reply[tailLen+1], other: reply[tailLen+2:]}
}

// whole returns the reply of a call for r alone.
func whole(r *request, result rueidis.RedisResult) (string, error) {
	all, err := result.ToString()
	if err != nil {
		return "", err
	}
	reply, rest, err := cutReply(r, all)
	if err == nil && rest != "" {
		err = errLong
	}
	return reply, err
}

// decodeReply fills in c from the script's reply. The script decides and returns the
// states. The levels are computed here, by the arithmetic that all stores share.
func decodeReply(c *store.Charge, at time.Time, reply string) error {
	for i := range c.Parts {
		p := &c.Parts[i]
		n := tailLen + stateLen*len(p.Meters)
		if len(reply) < n {
			return fmt.Errorf("reply for parts[%d] of %d bytes: want %d", i, len(reply), n)
		}
		if reply[0] > applied || i > 0 && c.OK != (reply[0] == applied) {
			return fmt.Errorf("reply for parts[%d] begins with %d: want %d or %d, as for the first", i, reply[0], refused, applied)
		}
		c.OK = reply[0] == applied
		clock := number(reply[1:])
		for j := range p.Levels {
			p.Levels[j] = level(c, p, j, at.UnixMicro(), clock, reply[tailLen+stateLen*j:])
		}
		for j := range p.Last {
			p.Last[j] = last(c, p, j, at.UnixMicro(), reply[tailLen+stateLen*j:])
		}
		reply = reply[n:]
	}
	if reply != "" {
		return errLong
	}
	return nil
}

// level returns the level of the i-th meter of a part. The text begins with the meter's
// state after the decision. For a soft meter it is the state before the charge.
//
// A window goes by at, the caller's clock. A bucket goes by the server's clock: by Last,
// up to which the script has refilled it, or by clock if the server's clock is behind
// Last.
func level(c *store.Charge, p *store.Part, i int, at, clock int64, text string) (l store.Level) {
	m := &p.Meters[i]
	var w store.Window
	var b store.Bucket
	if m.IsWindow() {
		w = store.Window{Used: number(text), Extra: number(text[8:]), Last: number(text[16:])}
	} else {
		b = store.Bucket{Tokens: number(text), Part: number(text[8:]), Per: per(m), Last: number(text[16:])}
		clock = min(clock, b.Last)
	}
	take := func(n int64) (l store.Level) {
		if m.IsWindow() {
			_, l, _ = w.Take(m, at, n)
		} else {
			_, l, _ = b.Take(m, clock, n)
		}
		return l
	}

	asks := !c.OK || m.Soft && c.Op == store.Spend
	if !asks {
		return take(0)
	}
	if l = take(p.N[i]); c.OK {
		return l
	}
	wait := l.Wait
	l = take(0)
	l.Wait = wait
	return l
}

// last returns the Last of the i-th meter of a part, as level returns its level.
func last(c *store.Charge, p *store.Part, i int, at int64, text string) int64 {
	m := &p.Meters[i]
	if !m.IsWindow() {
		return 0
	}
	last := number(text[16:])
	if m.Soft && c.OK && c.Op == store.Spend && p.N[i] > 0 { // the state before the charge
		last = max(last, m.SpanAt(at))
	}
	return last
}
