package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"
)

// The directory consists of keys, plans, links and groups. All of it has one hash tag, so
// that in a Cluster it is in one slot. A change, its indexes and its message are then one
// script, and a read sees whole states.
//
//	last                 STRING  last number given to a record; numbers only grow
//	keys                 HASH    key's id -> record
//	keys-by-age          ZSET    key's id, by number
//	digests              HASH    32 bytes of a digest, current or retiring -> key's id
//	plans                HASH    plan's id -> record
//	plans-by-age         ZSET    plan's id, by number
//	links                HASH    length of the plan's id, ':', plan's id, key's id -> record
//	links-of-plan:<id>   ZSET    key's id, by number
//	links-of-key:<id>    ZSET    plan's id, by number
//	groups               HASH    group's id -> record
//	groups-by-age        ZSET    group's id, by number
//	changes              channel id of a key, plan or group that has changed; for a link,
//	                             the key's

var (
	//go:embed change.lua
	changeLua string
	//go:embed find.lua
	findLua string
	//go:embed page.lua
	pageLua string
	//go:embed links.lua
	linksLua string
	//go:embed access.lua
	accessLua string
	//go:embed text.lua
	textLua string
	//go:embed groups.lua
	groupsLua string

	changeScript = newScript(changeLua)
	findScript   = newScript(findLua)
	pageScript   = newScript(textLua + pageLua)
	linksScript  = newScript(linksLua)
	accessScript = newScript(accessLua + textLua + groupsLua)
)

// directoryKey returns the name of a part of the directory on the server. No counter can
// have that name. In the name of a counter's key the first braces are followed by
// nothing, "{", ":past" or ":ids". Names of other prefixes differ before the braces,
// because a prefix has none.
func (s *Store) directoryKey(part string) string {
	return s.prefix + ":directory:{" + s.prefix + "}:" + part
}

// change is what change.lua does to one record.
type change struct {
	verb    string  // insert, update or delete
	id      string  // the id that is published
	records string  // the hash that has the record
	name    string  // the record's field in the hash
	version int64   // the version that an update, or a deletion if not 0, expects
	record  string  // the new record; empty to delete
	digests int     // how many bytes of digests a record has
	listed  []place // the sorted sets that list the record
}

// place is the place of a record in a sorted set.
type place struct{ order, member string }

// verdicts are the errors that a contract has for the outcomes of a change.
type verdicts struct{ exists, notFound, conflict error }

// change makes all of c, or nothing. It is sent once. After an error that is not one of
// verdicts, the change may have happened.
func (s *Store) change(ctx context.Context, c change, verdicts verdicts) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	keys := []string{s.directoryKey("last"), s.directoryKey(c.records), s.directoryKey("digests")}
	args := []string{
		c.verb, s.directoryKey("changes"), c.id, c.name, string(appendVersion(nil, c.version)), c.record, strconv.Itoa(c.digests),
	}
	for _, at := range c.listed {
		keys, args = append(keys, s.directoryKey(at.order)), append(args, at.member)
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	outcome, err := l.command(ctx, func(ctx context.Context) rueidis.RedisResult {
		return l.run(ctx, &changeScript, keys, args)
	}).ToString()
	if err != nil {
		return err
	}
	switch outcome {
	case "OK":
		return nil
	case "EXISTS":
		return verdicts.exists
	case "NOTFOUND":
		return verdicts.notFound
	case "CONFLICT":
		return verdicts.conflict
	}
	return fmt.Errorf("reply %.40q: want an outcome", outcome)
}

// getRecord reads a record. The error is rueidis.Nil if there is none. The command is
// made by Arbitrary so that it is not marked read-only: the client may send a read-only
// command to a replica, which may lag.
func (s *Store) getRecord(ctx context.Context, records, name string) (string, error) {
	return s.readTwice(ctx, func(ctx context.Context, l *link) rueidis.RedisResult {
		return l.client.Do(ctx, l.client.B().Arbitrary("HGET").Keys(s.directoryKey(records)).Args(name).Build())
	}).ToString()
}

// query runs a script that changes nothing.
func (s *Store) query(ctx context.Context, sc script, keys, args []string) rueidis.RedisResult {
	return s.readTwice(ctx, func(ctx context.Context, l *link) rueidis.RedisResult { return l.run(ctx, &sc, keys, args) })
}

// readTwice reads, and reads once more if the connection failed. Often only the next
// command notices that a connection broke while it was idle. The client's own retry is
// not used, because it can write a command that it has already given to another caller.
func (s *Store) readTwice(ctx context.Context, read func(context.Context, *link) rueidis.RedisResult) rueidis.RedisResult {
	if err := ctx.Err(); err != nil {
		return rueidis.NewErrorResult(err)
	}
	l, err := s.connected(ctx)
	if err != nil {
		return rueidis.NewErrorResult(err)
	}
	call := func(ctx context.Context) rueidis.RedisResult { return read(ctx, l) }
	result := l.command(ctx, call)
	if result.NonRedisError() == nil || ctx.Err() != nil {
		return result
	}
	return l.command(ctx, call)
}

// command makes a call through the queue of commands. It sends the call again while the
// slot of the directory moves.
func (l *link) command(ctx context.Context, call func(context.Context) rueidis.RedisResult) rueidis.RedisResult {
	for pause := minBackoff; ; {
		var result rueidis.RedisResult
		err := l.commands.do(ctx, func(ctx context.Context) { result = call(ctx) })
		if err != nil {
			return rueidis.NewErrorResult(err)
		}
		if !isTryAgain(result.Error()) || !backOff(ctx, &pause) {
			return result
		}
	}
}
