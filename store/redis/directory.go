package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"
)

// The directory is keys, plans and links. Everything in it has one hash tag, so that in a
// Cluster it is in one slot: a change, its indexes and its message are one script, and a
// read sees whole states.
//
//	last                 STRING  the last number given to a record; they only grow
//	keys                 HASH    id -> record
//	keys-by-age          ZSET    id, by number
//	digests              HASH    the 32 bytes of a digest, current or retiring -> id of its key
//	plans                HASH    id -> record
//	plans-by-age         ZSET    id, by number
//	links                HASH    length of the plan's id, ':', the plan's id, the key's id -> record
//	links-of-plan:<id>   ZSET    key's id, by number
//	links-of-key:<id>    ZSET    plan's id, by number
//	changes              channel the id of each key or plan that has changed, for a link the key's

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

	changing, finding, paging, linking = newScript(changeLua), newScript(findLua), newScript(pageLua), newScript(linksLua)
	accessing                          = newScript(accessLua)
)

// named is the name of a part of the directory on the server. No counter has it: what
// follows the first braces in the name of a counter's key is nothing, or ":past", and
// with other braces it is of another prefix, which holds none itself.
func (s *Store) named(part string) string { return s.prefix + ":directory:{" + s.prefix + "}:" + part }

// change is what change.lua does to one record.
type change struct {
	verb    string  // insert, update or delete
	id      string  // of whom the listeners are told
	records string  // the part that the record is in
	name    string  // its name there
	version int64   // the one that an update wants to find, or a deletion if it is not 0
	record  string  // the new one; none to delete
	digests int     // how many bytes of digests a record has
	listed  []place // in which orders it is
}

// place is where a record is in an order.
type place struct{ order, member string }

// verdicts are what a contract calls the outcomes of a change.
type verdicts struct{ exists, notFound, conflict error }

// change makes c, or nothing of it. It is sent once: after an error that is no verdict it
// may have happened.
func (s *Store) change(ctx context.Context, c change, says verdicts) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	keys := []string{s.named("last"), s.named(c.records), s.named("digests")}
	args := []string{
		c.verb, s.named("changes"), c.id, c.name, string(appendVersion(nil, c.version)), c.record, strconv.Itoa(c.digests),
	}
	for _, at := range c.listed {
		keys, args = append(keys, s.named(at.order)), append(args, at.member)
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	outcome, err := l.ask(ctx, func(ctx context.Context) rueidis.RedisResult { return l.run(ctx, &changing, keys, args) }).ToString()
	if err != nil {
		return err
	}
	switch outcome {
	case "OK":
		return nil
	case "EXISTS":
		return says.exists
	case "NOTFOUND":
		return says.notFound
	case "CONFLICT":
		return says.conflict
	}
	return fmt.Errorf("reply %.40q: want an outcome", outcome)
}

// get reads a record; not found is rueidis.Nil. The command is not marked as read-only,
// which could send it to a replica.
func (s *Store) get(ctx context.Context, records, name string) (string, error) {
	return s.twice(ctx, func(ctx context.Context, l *link) rueidis.RedisResult {
		return l.client.Do(ctx, l.client.B().Arbitrary("HGET").Keys(s.named(records)).Args(name).Build())
	}).ToString()
}

// ask runs a script that changes nothing.
func (s *Store) ask(ctx context.Context, sc script, keys, args []string) rueidis.RedisResult {
	return s.twice(ctx, func(ctx context.Context, l *link) rueidis.RedisResult { return l.run(ctx, &sc, keys, args) })
}

// twice reads, and reads again if that failed: that a connection broke while it was idle
// is often noticed by the next command only. The client would do so itself, but then it
// can write a command that it has already given to somebody else.
func (s *Store) twice(ctx context.Context, read func(context.Context, *link) rueidis.RedisResult) rueidis.RedisResult {
	if err := ctx.Err(); err != nil {
		return rueidis.NewErrorResult(err)
	}
	l, err := s.connected(ctx)
	if err != nil {
		return rueidis.NewErrorResult(err)
	}
	call := func(ctx context.Context) rueidis.RedisResult { return read(ctx, l) }
	result := l.ask(ctx, call)
	if result.NonRedisError() == nil || ctx.Err() != nil {
		return result
	}
	return l.ask(ctx, call)
}

// ask is the result of a call, which is sent again while a slot is moving.
func (l *link) ask(ctx context.Context, call func(context.Context) rueidis.RedisResult) rueidis.RedisResult {
	for pause := briefest; ; {
		var result rueidis.RedisResult
		err := l.errands.send(ctx, l, func(ctx context.Context) { result = call(ctx) })
		if err != nil {
			return rueidis.NewErrorResult(err)
		}
		if !moving(result.Error()) || !wait(ctx, &pause) {
			return result
		}
	}
}
