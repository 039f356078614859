package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

var _ store.Dumper = (*Store)(nil)

// Dump implements store.Dumper. It goes through the keys of the server with SCAN, and in
// a Cluster through those of each master. It needs the command SCAN, which a proxy that
// spreads keys over servers may not have.
//
// A page has about limit records, and twice as many at most. A server whose other keys
// are many makes many pages without records.
//
// Caution: a Cluster that moves slots during a dump may hide a subject from it. If a
// master fails, begin the dump again: the new one does not know the old one's cursors.
//
// A subject whose Move has begun and has not ended makes an error. Repeat the Move, or
// the dump of the page if the Move is under way.
func (s *Store) Dump(ctx context.Context, from string, limit int) (records []store.Record, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("store/redis: dump: %w: limit: %d: want 1 or more", store.ErrInvalid, limit)
	}
	l, err := s.connected(ctx)
	if err != nil {
		return nil, "", err
	}
	found, next, err := s.scan(ctx, l, from, limit)
	if err == nil {
		records, err = s.dumpAll(ctx, l, found)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store/redis: dump: %w", markDenied(err))
	}
	return records, next, nil
}

// A found is a subject that has a key.
type found struct {
	subject string
	byIDs   bool // the key is the hash of rare buckets, which may exist without a value
}

// scan returns the subjects of a page of keys, and the next cursor: the address of a
// server, a slash, and the server's own cursor.
func (s *Store) scan(ctx context.Context, l *link, from string, limit int) (subjects []found, next string, err error) {
	nodes, err := masters(ctx, l)
	if err != nil {
		return nil, "", err
	}
	addrs := slices.Sorted(maps.Keys(nodes))
	addr, at := addrs[0], "0"
	if from != "" {
		i := strings.LastIndexByte(from, '/')
		addr, at = from[:max(i, 0)], from[i+1:]
		if _, err := strconv.ParseUint(at, 10, 64); err != nil || nodes[addr] == nil {
			return nil, "", fmt.Errorf("%w: cursor: %.40q: want one that a dump of these servers gave", store.ErrInvalid, from)
		}
	}
	node := nodes[addr]
	pattern := globEscaper.Replace(s.prefix) + ":{*"
	command := node.B().Arbitrary("SCAN", at, "MATCH", pattern, "COUNT", strconv.Itoa(min(limit, maxExamined))).Build()
	page, err := node.Do(ctx, command).AsScanEntry()
	if err != nil {
		return nil, "", err
	}
	for _, key := range page.Elements {
		key, byIDs := strings.CutSuffix(key, ":ids")
		if subject, ok := s.subjectOf(key); ok {
			subjects = append(subjects, found{subject, byIDs})
		}
	}
	if page.Cursor != 0 {
		return subjects, addr + "/" + strconv.FormatUint(page.Cursor, 10), nil
	}
	if i := slices.Index(addrs, addr) + 1; i < len(addrs) {
		return subjects, addrs[i] + "/0", nil
	}
	return subjects, "", nil
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// masters returns the servers that have keys of their own, by their addresses. A server
// that does not tell its role counts as one: the keys of a replica only come twice.
func masters(ctx context.Context, l *link) (map[string]rueidis.Client, error) {
	if !l.isCluster {
		return map[string]rueidis.Client{"": l.client}, nil
	}
	nodes := map[string]rueidis.Client{}
	for addr, node := range l.client.Nodes() {
		role := node.Do(ctx, node.B().Arbitrary("ROLE").Build())
		if err := role.NonRedisError(); err != nil {
			return nil, fmt.Errorf("%s: %w", addr, err)
		}
		if list, err := role.ToArray(); err == nil && len(list) > 0 {
			if name, err := list[0].ToString(); err == nil && name != "master" {
				continue
			}
		}
		nodes[addr] = node
	}
	if len(nodes) == 0 {
		return nil, errors.New("the Cluster has no masters")
	}
	return nodes, nil
}

// subjectOf returns the subject whose value a key has. It reports false for any other
// key, such as one with a part of the directory.
func (s *Store) subjectOf(key string) (subject string, ok bool) {
	texts, ok := strings.CutPrefix(key, s.prefix+":{")
	if !ok {
		return "", false
	}
	texts, ok = strings.CutSuffix(texts, "}")
	family, rest, isMember := strings.Cut(texts, "}{")
	if family == "%" {
		family = ""
	}
	if subject = unescape(family); isMember {
		subject += ">" + unescape(rest)
	}
	return subject, ok && s.key(subject) == key
}

// unescape reverses appendEscaped.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if n, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+3, len(s))], 16, 8); s[i] == '%' && err == nil {
			b.WriteByte(byte(n))
			i += 2
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// dumpAll returns the records of subjects. Those that have no state are left out.
func (s *Store) dumpAll(ctx context.Context, l *link, subjects []found) (records []store.Record, err error) {
	calls := make([]scriptCall, len(subjects))
	for i := range subjects {
		calls[i] = scriptCall{keys: s.keysOf(subjects[i].subject)}
	}
	for i, result := range l.runMany(ctx, &s.scripts.dump, calls) {
		subject := subjects[i].subject
		parts, err := result.ToArray()
		if err != nil {
			return nil, fmt.Errorf("subject %.100q: %w", subject, err)
		}
		if len(parts) > 0 && subjects[i].byIDs && !isEmpty(parts[0]) {
			continue // the key of the value finds it
		}
		r, err := readDump(subject, parts)
		if err != nil {
			return nil, fmt.Errorf("subject %.100q: %w", subject, err)
		}
		if len(r.States) > 0 || r.MovedTo != "" {
			records = append(records, r)
		}
	}
	return records, nil
}

// isEmpty reports whether a reply is an empty string.
func isEmpty(m rueidis.RedisMessage) bool {
	text, err := m.ToString()
	return err == nil && text == ""
}

// A scriptCall is one call of a script.
type scriptCall struct{ keys, args []string }

// runMany makes all calls of a script in one pipeline, as run makes one.
func (l *link) runMany(ctx context.Context, sc *script, calls []scriptCall) []rueidis.RedisResult {
	if len(calls) == 0 {
		return nil
	}
	commands := make(rueidis.Commands, len(calls))
	for i, c := range calls {
		commands[i] = l.evalSHA(sc, c.keys, c.args)
	}
	results := l.client.DoMulti(ctx, commands...)
	for i, result := range results {
		if errorCode(result.Error()) == "NOSCRIPT" && ctx.Err() == nil {
			results[i] = l.client.Do(ctx, l.eval(sc, calls[i].keys, calls[i].args))
		}
	}
	return results
}

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
