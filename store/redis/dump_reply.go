package redis

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// readDump reads the reply of dump.lua.
func readDump(subject string, parts []rueidis.RedisMessage) (r store.Record, err error) {
	if len(parts) != 5 {
		return r, fmt.Errorf("reply of %d parts: want a value, a time, the clock and two hashes", len(parts))
	}
	r.Subject = subject
	value, err1 := parts[0].ToString()
	left, err2 := parts[1].AsInt64()
	clock, err3 := parts[2].AsStrSlice()
	past, err4 := parts[3].AsStrSlice()
	ids, err5 := parts[4].AsStrSlice()
	if err := cmp.Or(err1, err2, err3, err4, err5); err != nil {
		return r, err
	}
	if strings.HasPrefix(value, "M") {
		return r, readMark(&r, value, left, clock)
	}
	if r.States, err = readValue(value); err != nil {
		return r, err
	}
	for i := 0; i+1 < len(past) && value != ""; i += 2 {
		if err := addPast(&r, past[i], past[i+1]); err != nil {
			return r, err
		}
	}
	for i := 0; i+1 < len(ids); i += 2 {
		if err := addID(&r, ids[i], ids[i+1]); err != nil {
			return r, err
		}
	}
	return r, nil
}

var errLayout = errors.New("value of a layout that this version of the store does not read")

// readMark reads the mark of a closed subject.
func readMark(r *store.Record, value string, left int64, clock []string) error {
	if len(value) < 5 || value[1] != layout || len(value) < 5+index(value[3:]) {
		return errLayout
	}
	other := value[5 : 5+index(value[3:])]
	if value[2] != moved {
		return fmt.Errorf("its move from or to %.100q has begun and not ended: want it repeated", other)
	}
	now, err := strconv.ParseInt(clock[0], 10, 64)
	if err != nil {
		return err
	}
	r.MovedTo, r.Until = other, now+max(left, 0)/1000+1
	return nil
}

// index returns the number that appendIndex has written.
func index(s string) int { return int(s[0]&0x7f)<<7 | int(s[1]&0x7f) }

// readValue reads a value, see layout.go.
func readValue(value string) (states []store.MeterState, err error) {
	if value == "" {
		return nil, nil
	}
	if len(value) < 4+tailLen || value[0] != 'R' || value[1] != layout {
		return nil, errLayout
	}
	n := index(value[2:])
	numbers := len(value) - n*stateLen
	statics := numbers - tailLen - n*16
	rest := value[4:]
	for i := range n {
		if len(rest) < 2 || rest[0] != '\n' || statics < 4 {
			return nil, errLayout
		}
		name, after, ok := strings.Cut(rest[2:], "\n")
		if !ok || len(after) < 2 {
			return nil, errLayout
		}
		states = append(states, stateOf(rest[1] == 'w', name, value[statics+16*i:], value[numbers+stateLen*i:]))
		rest = after[2:]
	}
	return states, nil
}

// stateOf returns the state of a meter. Its name is escaped. The statics are two numbers,
// and the numbers three.
func stateOf(isWindow bool, name, statics, numbers string) store.MeterState {
	x, y := number(statics), number(statics[8:])
	a, b, c := number(numbers), number(numbers[8:]), number(numbers[16:])
	m := store.MeterState{Name: unescape(name), IsWindow: isWindow, Until: y}
	if isWindow {
		m.Start, m.Window = x, store.Window{Used: a, Extra: b, Last: c}
		return m
	}
	m.Bucket = store.Bucket{Tokens: a, Part: b, Per: x, Last: c}
	if m.Until = store.MaxUnits; y < never {
		m.Until = (c+y)/1_000_000 + 1
	}
	return m
}

// addPast adds an ended window. The string may hold the window again, and counts then.
func addPast(r *store.Record, field, entry string) error {
	if len(field) < 8 || len(entry) != 1+stateLen+8 || entry[0] != 1 {
		return errLayout
	}
	name, start := field[:len(field)-8], field[len(field)-8:]
	m := stateOf(true, name, start+entry[1+stateLen:], entry[1:])
	if !slices.ContainsFunc(r.States, func(o store.MeterState) bool { return o.SameMeter(&m) }) {
		r.States = append(r.States, m)
	}
	return nil
}

// addID adds a rare bucket.
func addID(r *store.Record, field, entry string) error {
	name, ok := strings.CutSuffix(field, "\n")
	if !ok || len(entry) != 1+stateLen+16 || entry[0] != 2 {
		return errLayout
	}
	m := stateOf(false, name, entry[1+stateLen:], entry[1:])
	m.Rare = true
	r.States = append(r.States, m)
	return nil
}
