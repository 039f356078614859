package rpc

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// A Session is a call that was admitted, or that needs no key. Its methods may be called
// at the same time, except End.
type Session struct {
	enforcer *Enforcer
	call     Call
	ctx      context.Context
	stop     context.CancelCauseFunc // nil if no message can be refused
	result   *middleware.Result      // Skipped if nothing was decided here
	decision *gate.Decision          // nil if there is none, or if an outer Session has it
	refusal  atomic.Pointer[Refusal] // of the first message that was refused
	received counter
	sent     counter
}

// A counter counts messages while they go both ways at the same time.
type counter struct{ messages, bytes atomic.Int64 }

func (c *counter) add(size int64) {
	c.messages.Add(1)
	c.bytes.Add(max(size, 0))
}

func (c *counter) traffic() Traffic { return Traffic{c.messages.Load(), c.bytes.Load()} }

// begin completes a Session with the Result of its call.
func (s *Session) begin(r *http.Request, res *middleware.Result) {
	s.result, s.ctx = res, res.NewContext(r)
	cfg := &s.enforcer.cfg
	if res.Skipped {
		header := s.call.Header
		s.hideAll(r)
		s.adopt(r, header)
	} else {
		s.decision = &res.Decision
	}
	if s.call.Stream && cfg.Messages != 0 && s.decision != nil {
		s.ctx, s.stop = context.WithCancelCause(s.ctx)
		if cfg.StripCredential { // a message needs what the adapter removes
			s.call.Header = s.call.Header.Clone()
		}
	}
	if s.call.Message != nil && cfg.Settle != nil {
		s.received.add(s.call.Size())
	}
}

// adopt makes the decision of an HTTP middleware around the call that of the Session, so
// that messages are charged, and the charge is settled or refunded. Messages need the
// header as the client sent it. An interceptor around the call does all that itself.
func (s *Session) adopt(r *http.Request, header http.Header) {
	e := s.enforcer
	if slices.Contains(e.cfg.Public, e.route(r)) {
		return
	}
	if d, outer := e.middleware.Before(s.call.ctx); d != nil && callOf(outer) == nil {
		s.decision, s.call.Header = d, header
	}
}

// SetMessage sets the request of a unary call that was opened without it. An adapter that
// opens calls before it reads a message calls SetMessage before the handler.
func (s *Session) SetMessage(message any) {
	s.call.Message = message
	if s.enforcer.cfg.Settle != nil {
		s.received.add(s.call.Size())
	}
}

// hideAll finds every credential of a call that was not decided.
func (s *Session) hideAll(r *http.Request) {
	if !s.enforcer.cfg.StripCredential {
		return
	}
	r.Header = r.Header.Clone()
	s.call.Header = r.Header
	for {
		found, _ := s.enforcer.credential(r)
		if found.Header == "" || len(r.Header.Values(found.Header)) == 0 {
			return
		}
		r.Header.Del(found.Header)
	}
}

// Context returns the context for the handler. It has the decision, if there is one. It
// is cancelled with the Refusal as its cause when a message is refused.
func (s *Session) Context() context.Context { return s.ctx }

// Header returns the RateLimit fields for the answer. It is empty if there are none.
func (s *Session) Header() http.Header {
	h := http.Header{}
	if !s.result.Skipped {
		s.result.WriteHeaders(h)
	}
	return h
}

// Hidden returns the canonical names of the metadata that the handler must not see.
func (s *Session) Hidden() []string {
	if !s.enforcer.cfg.StripCredential {
		return nil
	}
	return s.call.hidden
}

// Message charges a message of a stream, if Config says so. If the message is refused,
// the adapter passes it on to neither side, and answers the call with the Refusal.
func (s *Session) Message(message any, sent bool) *Refusal {
	if r := s.refusal.Load(); r != nil {
		return r
	}
	cfg, kind := &s.enforcer.cfg, Received
	if sent {
		kind = Sent
	}
	c := s.call
	c.Message, c.Sent, c.hidden = message, sent, nil
	if cfg.Messages&kind != 0 && s.decision != nil {
		if r := s.charge(&c); r != nil {
			return r
		}
	}
	if cfg.Settle != nil {
		s.count(&c)
	}
	return nil
}

// charge decides about a message.
func (s *Session) charge(c *Call) *Refusal {
	e := s.enforcer
	var res *middleware.Result
	switch r := c.request(e.middleware); {
	case e.cfg.MessageCosts == nil:
		res = e.middleware.Check(r)
	case e.cfg.Free != nil && e.cfg.Free(c):
		return nil
	default:
		res = e.middleware.ChargeMore(r, s.decision, e.cfg.MessageCosts(c))
	}
	if res.Allowed() {
		return nil
	}
	refused := e.refusalOf(c.ctx, res)
	if !s.refusal.CompareAndSwap(nil, refused) {
		refused = s.refusal.Load()
	}
	s.stop(refused)
	return refused
}

func (s *Session) count(c *Call) {
	if c.Sent {
		s.sent.add(c.Size())
	} else {
		s.received.add(c.Size())
	}
}

// Refused returns the Refusal of the first message that was refused, or nil. It is the
// answer of the call, whatever the handler returns.
func (s *Session) Refused() *Refusal { return s.refusal.Load() }

// End ends the call, which was answered with this code. It settles or refunds the charge
// as Config says. Response is the answer of a unary call, or nil. Call it once.
func (s *Session) End(code Code, response any) {
	if s.stop != nil {
		defer s.stop(nil)
	}
	if s.decision == nil {
		return
	}
	cfg, ctx := &s.enforcer.cfg, s.call.ctx
	switch gone := ctx.Err() != nil; {
	case cfg.Refund != nil && !gone && cfg.Refund(code):
		s.enforcer.noteCorrection(ctx, s.enforcer.gate.Refund(ctx, s.decision))
	case cfg.Settle != nil:
		actual := cfg.Settle(s.end(code, response))
		s.enforcer.noteCorrection(ctx, s.enforcer.gate.Settle(ctx, s.decision, actual))
	}
}

// end returns what is known of the call at its end.
func (s *Session) end(code Code, response any) *End {
	if response != nil {
		answer := s.call
		answer.Message, answer.Sent = response, true
		s.count(&answer)
	}
	return &End{
		Call: &s.call, Code: code, Response: response, Costs: s.costs(),
		Received: s.received.traffic(), Sent: s.sent.traffic(),
	}
}

func (s *Session) costs() usageplan.Costs { return s.decision.Costs }

// noteCorrection logs that a correction failed, or that this ends an outage.
func (e *Enforcer) noteCorrection(ctx context.Context, err error) {
	switch {
	case e.corrects == nil:
	case err != nil:
		e.corrects.Fail(context.WithoutCancel(ctx), err)
		e.corrects.Affect()
	default:
		e.corrects.Succeed(ctx)
	}
}
