package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

//go:generate go test -run ^TestScriptsAreUpToDate$ . -update

// The scripts of decisions are made of the fragments in lua/: the struct library for
// servers without it, the clock, the fast paths, and the four phases. No script has a #!
// line, so that every server takes them.
var (
	//go:embed one.gen.lua
	oneLua string
	//go:embed many.gen.lua
	manyLua string
	//go:embed move.gen.lua
	moveLua string
	//go:embed dump.gen.lua
	dumpLua string
	//go:embed restore.gen.lua
	restoreLua string

	decisionScripts = scripts{
		one: newScript(oneLua), many: newScript(manyLua), move: newScript(moveLua),
		dump: newScript(dumpLua), restore: newScript(restoreLua),
	}
)

// scripts are the script for one decision of one part, the script for any other
// decisions, the script for the steps of a Move, and those that dump and restore a
// subject.
type scripts struct{ one, many, move, dump, restore script }

// script is a Lua script, and the SHA-1 of its text, by which Redis knows it.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// run makes the server run a script once. It sends the SHA-1, and the text only after the
// answer NOSCRIPT, which proves that the script did not run. Nothing else is ever sent
// again: neither command is marked read-only or retryable, so the client sends it once,
// to a master.
func (l *link) run(ctx context.Context, sc *script, keys, args []string) rueidis.RedisResult {
	result := l.client.Do(ctx, l.evalSHA(sc, keys, args))
	if errorCode(result.Error()) != "NOSCRIPT" || ctx.Err() != nil {
		return result
	}
	return l.client.Do(ctx, l.eval(sc, keys, args))
}

// evalSHA returns the command that the server runs if it has seen the script's text.
func (l *link) evalSHA(sc *script, keys, args []string) rueidis.Completed {
	return l.client.B().Evalsha().Sha1(sc.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// eval returns the command that brings the script's text.
func (l *link) eval(sc *script, keys, args []string) rueidis.Completed {
	return l.client.B().Eval().Script(sc.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}
