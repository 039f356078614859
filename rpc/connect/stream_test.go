package rationconnect_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/usageplan"
)

// bySize charges the size of a message, and one word.
func bySize(c *rpc.Call) usageplan.Costs { return usageplan.Costs{c.Size(), 1} }

// message returns a message of n bytes on the wire.
func message(n int) *text { return wrapperspb.String(strings.Repeat("x", n-2)) }

// talk opens a stream, sends messages of these sizes, and expects an echo of each. It
// returns how many came, and how the stream ended.
func (s *service) talk(c *connect.Client[text, text], sizes ...int) (echoes int, end error) {
	stream := c.CallBidiStream(s.t.Context())
	stream.RequestHeader().Set("X-API-Key", s.secret)
	defer stream.CloseResponse()
	for _, size := range sizes {
		_ = stream.Send(message(size)) // Receive returns what is wrong
		if _, err := stream.Receive(); err != nil {
			return echoes, err
		}
		echoes++
	}
	require.NoError(s.t, stream.CloseRequest())
	_, err := stream.Receive()
	return echoes, err
}

type used = map[string]int64

// TestStreams charges streams at their start, by messages and by bytes, in each protocol.
// Package rationgrpc has more cases.
func TestStreams(t *testing.T) {
	const both = rpc.Received | rpc.Sent
	for name, c := range map[string]struct {
		quotas []string
		cfg    rpc.Config
		sizes  []int

		echoes int
		code   connect.Code // with which the stream ends
		limit  string       // that refused
		used   used
	}{
		"the start": {
			quotas: []string{"2/year"},
			sizes:  []int{10, 10, 10}, echoes: 3, used: used{"year": 1},
		},
		"one received message too many": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Received},
			sizes: []int{10, 10, 10}, echoes: 2, code: connect.CodeResourceExhausted, limit: "year", used: used{"year": 3},
		},
		"one sent message too many": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Sent},
			sizes: []int{10, 10, 10}, echoes: 2, code: connect.CodeResourceExhausted, limit: "year", used: used{"year": 3},
		},
		"bytes of both sides": {
			quotas: []string{"9/year", "35 bytes/year"}, cfg: rpc.Config{Messages: both, MessageCosts: bySize},
			sizes: []int{10, 10}, echoes: 1, code: connect.CodeResourceExhausted, limit: "bytes/year", used: used{"year": 1, "bytes/year": 30},
		},
		"a hidden key": {
			quotas: []string{"9/year"}, cfg: rpc.Config{Messages: both, StripCredential: true},
			sizes: []int{10, 10}, echoes: 2, used: used{"year": 5},
		},
		"a public stream": {
			quotas: []string{"1/year"}, cfg: rpc.Config{Messages: both, Public: []string{"/pets.v1.Pets/*"}, StripCredential: true},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 0},
		},
		"settled at the end": {
			quotas: []string{"9/year", "20 bytes/year"},
			cfg: rpc.Config{
				Costs:  func(*rpc.Call) usageplan.Costs { return usageplan.Costs{1} },
				Settle: func(e *rpc.End) usageplan.Costs { return usageplan.Costs{e.Received.Bytes + e.Sent.Bytes} },
			},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 60},
		},
		"refunded after a refusal": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Received, Refund: func(c rpc.Code) bool { return c == rpc.ResourceExhausted }},
			sizes: []int{10, 10, 10}, echoes: 2, code: connect.CodeResourceExhausted, limit: "year", used: used{"year": 2},
		},
	} {
		for protocol, opts := range protocols {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				s := newService(t, "unlimited", c.quotas...)
				url := s.serve(c.cfg, echo)

				echoes, end := s.talk(clientOf(t, url, chat, opts...), c.sizes...)

				if c.code == 0 {
					require.ErrorIs(t, end, io.EOF)
				} else {
					require.Equal(t, c.code, connect.CodeOf(end), end)
				}
				require.Equal(t, c.echoes, echoes)
				require.Subset(t, s.used(), c.used)
				if c.limit != "" {
					require.Equal(t, c.limit, detail[*errdetails.QuotaFailure](t, end).Violations[0].QuotaId)
				}
			})
		}
	}
}

// TestKindsOfStreams charges the messages of streams in which only one side sends
// several.
func TestKindsOfStreams(t *testing.T) {
	s := newService(t, "unlimited", "2/year", "1000 bytes/year")
	url := s.serve(rpc.Config{Messages: rpc.Received | rpc.Sent, MessageCosts: bySize}, echo)

	up := clientOf(t, url, upload).CallClientStream(t.Context())
	up.RequestHeader().Set("X-API-Key", s.secret)
	require.NoError(t, errors.Join(up.Send(message(10)), up.Send(message(10))))
	resp, err := up.CloseAndReceive()
	require.NoError(t, err)
	require.Contains(t, resp.Header().Get("RateLimit"), `"year";r=1`)
	require.Equal(t, int64(10+10+30), s.used()["bytes/year"])

	req := connect.NewRequest(message(30))
	req.Header().Set("X-API-Key", s.secret)
	down, err := clientOf(t, url, watch).CallServerStream(t.Context(), req)
	require.NoError(t, err)
	for down.Receive() {
	}
	require.NoError(t, down.Err())
	require.Equal(t, int64(50+30+10+10), s.used()["bytes/year"])
}

// TestDeafHandler refuses a message of a handler that takes no notice of errors. The
// client gets the refusal, and not what the handler returns.
func TestDeafHandler(t *testing.T) {
	s := newService(t, "unlimited", "2/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{Messages: rpc.Sent})
	require.NoError(t, err)
	var cause error
	handler := connect.NewBidiStreamHandler(chat, func(ctx context.Context, stream *connect.BidiStream[text, text]) error {
		_ = stream.Send(message(10))
		_ = stream.Send(message(10))
		cause = context.Cause(ctx)
		_, err := stream.Receive()
		require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err))
		return nil
	}, connect.WithInterceptors(limits))

	echoes, end := s.talk(clientOf(t, listen(t, handler), chat), 10, 10)

	require.Equal(t, 1, echoes)
	require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(end))
	require.IsType(t, &rpc.Refusal{}, cause)
	require.Equal(t, used{"year": 2}, s.used())
}

// TestGateOfStreams charges the messages of a stream that a gate has opened.
func TestGateOfStreams(t *testing.T) {
	s := newService(t, "unlimited", "3/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{Messages: rpc.Received, StripCredential: true})
	require.NoError(t, err)
	url := serve(t, echo, connect.WithRequestGate(limits.Gate), connect.WithInterceptors(limits))

	echoes, end := s.talk(clientOf(t, url, chat), 10, 10, 10)

	require.Equal(t, 2, echoes)
	require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(end))
	require.Equal(t, used{"year": 3}, s.used())
}

// TestCancelled settles a stream that the client cancels midway, by what was sent until
// then. It refunds nothing.
func TestCancelled(t *testing.T) {
	for protocol, opts := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := newService(t, "unlimited", "9/year", "1000 bytes/year")
			ended := make(chan *rpc.End, 1)
			limits, err := rationconnect.New(s.Gate, rpc.Config{
				Refund: func(rpc.Code) bool { return true },
				Settle: func(e *rpc.End) usageplan.Costs {
					ended <- e
					return usageplan.Costs{e.Received.Bytes + e.Sent.Bytes}
				},
			})
			require.NoError(t, err)
			url := listen(t, connect.NewServerStreamHandler(watch, func(ctx context.Context, _ *request, stream *connect.ServerStream[text]) error {
				err := errors.Join(stream.Send(message(10)), stream.Send(message(10)))
				<-ctx.Done()
				return errors.Join(err, ctx.Err())
			}, connect.WithInterceptors(limits)))

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req := connect.NewRequest(message(30))
			req.Header().Set("X-API-Key", s.secret)
			stream, err := clientOf(t, url, watch, opts...).CallServerStream(ctx, req)
			require.NoError(t, err)
			for range 2 {
				require.True(t, stream.Receive())
			}
			cancel()

			end := <-ended
			require.Equal(t, rpc.Traffic{Messages: 1, Bytes: 30}, end.Received)
			require.Equal(t, rpc.Traffic{Messages: 2, Bytes: 20}, end.Sent)
			require.Equal(t, rpc.Canceled, end.Code)
			require.Eventually(t, func() bool { return s.used()["bytes/year"] == 50 }, 5*time.Second, time.Millisecond)
			require.EqualValues(t, 1, s.used()["year"])
		})
	}
}

// TestDeadline refunds nothing when the deadline that the client has set has passed.
func TestDeadline(t *testing.T) {
	for protocol, opts := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := newService(t, "unlimited", "9/year")
			url := s.serve(rpc.Config{Refund: func(rpc.Code) bool { return true }}, func(ctx context.Context, _ string, _ *request) (*response, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			req := connect.NewRequest(message(30))
			req.Header().Set("X-API-Key", s.secret)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := clientOf(t, url, get, opts...).CallUnary(ctx, req)
			require.Equal(t, connect.CodeDeadlineExceeded, connect.CodeOf(err))
			require.Equal(t, used{"year": 1}, s.used())
		})
	}
}
