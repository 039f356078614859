package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// The scripts of decisions share their text: the struct library for servers without it,
// the clock, straight-line code for the common shapes, loops for the rest. They have no
// #! line, so that every server takes them.
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

	counting = scripts{
		one:  newScript(structLua + beginLua + oneLua + commonLua + loopsLua + "return loops(key, head, figures, pos, value)\n"),
		many: newScript(structLua + beginLua + "local function common(key, head, offset, figures, pos, value)\n" + commonLua + "end\n" + loopsLua + manyLua),
	}
)

// scripts are one decision a call, and many.
type scripts struct{ one, many script }

// script is a Lua script, and the name by which Redis knows it.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// run has the server run a script once: by its name, and by its text only where it
// answered NOSCRIPT, which proves that it did not run. Nothing else is ever sent again:
// neither command is marked read-only or retryable, so the client sends it once, and to a
// master.
func (l *link) run(ctx context.Context, sc *script, keys, args []string) rueidis.RedisResult {
	result := l.client.Do(ctx, l.byName(sc, keys, args))
	if code(result.Error()) != "NOSCRIPT" || ctx.Err() != nil {
		return result
	}
	return l.client.Do(ctx, l.byText(sc, keys, args))
}

// byName is the command that the server runs if it has seen the script's text.
func (l *link) byName(sc *script, keys, args []string) rueidis.Completed {
	return l.client.B().Evalsha().Sha1(sc.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

func (l *link) byText(sc *script, keys, args []string) rueidis.Completed {
	return l.client.B().Eval().Script(sc.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}
