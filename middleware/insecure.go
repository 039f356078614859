package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/internal/refusal"
)

// Insecure says what becomes of requests that come over plain HTTP, where anybody on the
// way can read their keys. A request is secure in three cases:
//
//   - It came over TLS.
//   - It came from the loopback, or over a Unix socket.
//   - It came from a proxy in Config.Trusted that says "https" in X-Forwarded-Proto, or
//     in the proto parameter of Forwarded with Config.Forwarded.
//
// A request over TLS or from the loopback is insecure if a proxy in Config.Trusted says
// that the client used plain HTTP. Public routes and CORS preflights are served either
// way, since they need no key.
//
// The zero Insecure serves all requests. The Logger is warned once if many keys come over
// plain HTTP. That is for services behind proxies which Config.Trusted does not name. All
// others should set Refuse: see "Protecting Credentials with HTTP APIs"
// (draft-ietf-httpapi-privacy).
type Insecure struct {
	// Refuse answers insecure requests with 403, whatever key they have or lack. A redirect
	// would not help: the key was exposed already, and clients would go on exposing it.
	Refuse bool

	// Revoke ends the secret of a request that was refused. Pass apikey.Service.Revoke, or a
	// function that also tells the owner of the key. It needs Refuse.
	//
	// It is called on a goroutine of its own, for secrets of the Gate's Format only, and
	// with a context that ends after 10s. So the answer is the same for good and bad keys,
	// and takes the same time. It is called ten times a second at most, after a burst of
	// 100. So a client that sends made-up secrets cannot overload the store. Then a secret
	// may be missed, and the Logger is warned.
	Revoke func(context.Context, apikey.Digest) (k apikey.Key, changed bool, err error)

	// Allow serves all requests without a warning. It cannot be set with Refuse.
	Allow bool
}

func (i *Insecure) faults() (errs []error) {
	if i.Allow && i.Refuse {
		errs = append(errs, errors.New("insecure: allow, refuse: true, true: want at most one"))
	}
	if i.Revoke != nil && !i.Refuse {
		errs = append(errs, errors.New("insecure.revoke: set: want refuse, too"))
	}
	return errs
}

// refusesInsecure refuses r if it is insecure and Config.Insecure says so. It is small
// enough to be inlined.
func (m *Middleware) refusesInsecure(r *http.Request, res *Result, found *Credential) bool {
	return m.cfg.Insecure.Refuse && m.refuseExposed(r, res, found)
}

// refuseExposed refuses r if it is insecure.
//
// Security: it does not ask the Gate. So the answer cannot depend on the key.
func (m *Middleware) refuseExposed(r *http.Request, res *Result, found *Credential) bool {
	if !m.proxies.exposes(r) {
		return false
	}
	res.Insecure, res.Status = true, http.StatusForbidden
	res.unread = func(w http.ResponseWriter) { refusal.Unread(w, r) }
	if m.revoker != nil {
		_, _ = m.extract(r, found)
		m.revoker.revoke(r.Context(), string(found.Secret))
	}
	if m.cfg.Logger != nil {
		m.cfg.Logger.LogAttrs(r.Context(), slog.LevelDebug, "ration: request refused", slog.String("reason", "plain HTTP"))
	}
	return true
}

// These bound what requests over plain HTTP can cause.
const (
	revokeRate  = 10 // a second
	revokeBurst = 100
	revokeMost  = 16 // at a time
	revokeTime  = 10 * time.Second
)

// A revoker ends secrets that came over plain HTTP.
type revoker struct {
	end      func(context.Context, apikey.Digest) (apikey.Key, bool, error)
	format   apikey.Format
	rate     *rate.Limiter
	running  atomic.Int64
	log      *slog.Logger // may be nil
	failures outage.Log
	missed   outage.Log
}

// newRevoker returns nil if nothing is to be revoked.
func newRevoker(cfg *Config, format apikey.Format) *revoker {
	if cfg.Insecure.Revoke == nil {
		return nil
	}
	kind := func(begins, ends, affected string) outage.Log {
		return outage.Log{Logger: cfg.Logger, Level: slog.LevelError, Begins: begins, Ends: ends, Affected: affected}
	}
	return &revoker{
		end: cfg.Insecure.Revoke, format: format, rate: rate.NewLimiter(revokeRate, revokeBurst), log: cfg.Logger,
		failures: kind("ration: keys that came over plain HTTP cannot be revoked", "ration: keys that come over plain HTTP are revoked again", "keys"),
		missed:   kind("ration: too many keys come over plain HTTP to revoke all of them", "ration: all keys that come over plain HTTP are revoked again", "keys"),
	}
}

// errManyInsecure is the error of a secret that is not looked at.
var errManyInsecure = fmt.Errorf("middleware: more than %d secrets a second", revokeRate)

// revoke ends a secret, if it can be one, beside the answer to its request.
func (v *revoker) revoke(ctx context.Context, secret string) {
	if secret == "" || v.format.Check(secret) != nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if v.running.Add(1) > revokeMost || !v.rate.Allow() {
		v.running.Add(-1)
		v.missed.Note(ctx, errManyInsecure)
		return
	}
	v.missed.Note(ctx, nil)
	d := apikey.DigestOf(secret)
	go func() {
		defer v.running.Add(-1)
		ctx, cancel := context.WithTimeout(history.WithActor(ctx, history.Actor{Kind: history.ActorService, Name: "plain-http"}), revokeTime)
		defer cancel()
		v.finish(ctx, d)
	}()
}

func (v *revoker) finish(ctx context.Context, d apikey.Digest) {
	k, changed, err := v.call(ctx, d)
	if errors.Is(err, apikey.ErrNotFound) {
		return
	}
	v.failures.Note(ctx, err)
	if err == nil && changed && v.log != nil {
		v.log.LogAttrs(ctx, slog.LevelWarn, "ration: a key came over plain HTTP and was revoked", slog.String("key", k.ID))
	}
}

// call calls Revoke. A panic there becomes an error. On this goroutine it would end the
// process, and anybody with a key could cause it.
func (v *revoker) call(ctx context.Context, d apikey.Digest) (k apikey.Key, changed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("middleware: insecure.revoke: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return v.end(ctx, d)
}
