package redis

import (
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
		return nil, "", commandError(err, "dump")
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
