package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// The script of a decision is in three parts: the struct library for servers without it, straight-line code for the
// common shapes, loops for the rest. It has no #! line, so that every server takes it.
var (
	//go:embed struct.lua
	structLua string
	//go:embed common.lua
	commonLua string
	//go:embed take.lua
	takeLua string

	counting = newScript(structLua + commonLua + takeLua)
)

// script is a Lua script, and the name by which Redis knows it.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// call runs the script once. NOSCRIPT proves that it did not run, and is all that is ever answered by sending again.
func (s *Store) call(ctx context.Context, r *request) ([]byte, error) {
	reply, err := s.client.Do(ctx, s.byName(r)).AsBytes()
	if code(err) != "NOSCRIPT" || ctx.Err() != nil {
		return reply, err
	}
	return s.client.Do(ctx, s.byText(r)).AsBytes()
}

// byName is the command that the server runs if it has seen the script's text. It is not marked read-only or retryable:
// the client sends it once, and to a master.
func (s *Store) byName(r *request) rueidis.Completed {
	return s.client.B().Evalsha().Sha1(s.script.sha).Numkeys(2).Key(r.value(), r.past()).Arg(r.headArg(), r.figures()).Build()
}

// byText is the same command with the text.
func (s *Store) byText(r *request) rueidis.Completed {
	return s.client.B().Eval().Script(s.script.text).Numkeys(2).Key(r.value(), r.past()).Arg(r.headArg(), r.figures()).Build()
}
