package middleware

import (
	"context"
	"net/http"

	"github.com/ration-go/ration/gate"
)

// Guard applies Config.Guesses to a request about which the caller asks the Gate itself,
// and not by Check. It is for services that get the address of the client, and no request
// of HTTP. The address may have a port. It is empty if it is not known: the look-up is
// then not bounded, and that is counted as gate.NoGuessLimit.
//
// Guard makes req OnlyCached if the client has guessed too often. Pass the Outcome of the
// Gate to note: it counts a guess, and completes the Outcome of a request that Guard has
// refused.
func (m *Middleware) Guard(ctx context.Context, client string, req *gate.Request) (note func(*gate.Outcome)) {
	r := (&http.Request{RemoteAddr: client}).WithContext(ctx)
	wait := m.guesses.guard(r, req)
	return func(o *gate.Outcome) { m.guesses.note(r, req, o, wait) }
}
