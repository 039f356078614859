package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// The scripts of decisions are put together from fragments. They share the struct library
// for servers without it, the clock, the straight-line code for the common shapes, and
// the loops for all else.
//
// In one.lua the fragment common.lua is no function, because a call's frame would cost as
// much as its arithmetic. In many.lua it is the body of one. No script has a #! line, so
// that every server takes them.
var (
	//go:embed struct.lua
	structLua string
	//go:embed begin.lua
	beginLua string
	//go:embed common.lua
	commonLua string
	//go:embed loops.lua
	loopsLua string
	//go:embed one.lua
	oneLua string
	//go:embed many.lua
	manyLua string

	decisionScripts = scripts{
		one: newScript(structLua + beginLua + oneLua + commonLua + loopsLua +
			"return loops(key, head, figures, pos, value)\n"),
		many: newScript(structLua + beginLua +
			"local function common(key, head, offset, figures, pos, value)\n" + commonLua + "end\n" +
			loopsLua + manyLua),
	}
)

// scripts are the script for one decision and the script for a batch of them.
type scripts struct{ one, many script }

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
