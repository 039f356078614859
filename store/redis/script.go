package redis

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// The script of a decision, in three parts: the struct library for servers without it, straight-line code for the common
// shapes, loops for the rest. It carries no #! line, so every server takes it.
var (
	//go:embed struct.lua
	structLua string
	//go:embed common.lua
	commonLua string
	//go:embed take.lua
	takeLua string

	counting = newScript(structLua + commonLua + takeLua)
)

// script is a Lua script and the name that Redis knows it by.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}

// command is one call of the script by its name. It is not read-only to the client, which therefore never sends it again
// by itself, nor to a replica.
func (s *Store) command(r *request) rueidis.Completed {
	return s.client.B().Evalsha().Sha1(s.script.sha).Numkeys(2).Key(r.value(), r.ended()).Arg(r.head(), r.figures()).Build()
}

// load is the same call with the script's text, which Redis then knows.
func (s *Store) load(r *request) rueidis.Completed {
	return s.client.B().Eval().Script(s.script.text).Numkeys(2).Key(r.value(), r.ended()).Arg(r.head(), r.figures()).Build()
}

// call runs the script once. NOSCRIPT proves that nothing ran, and is the one answer after which it is sent again.
func (s *Store) call(ctx context.Context, r *request) ([]byte, error) {
	reply, err := s.client.Do(ctx, s.command(r)).AsBytes()
	if code(err) != "NOSCRIPT" || ctx.Err() != nil {
		return reply, err
	}
	return s.client.Do(ctx, s.load(r)).AsBytes()
}
