package rationconnect_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/usageplan"
)

// behind starts a server whose calls pass through a middleware of the same Gate first. It
// serves below /api, and its method get may be called with GET.
func (s *service) behind(cfg rpc.Config, opts ...connect.HandlerOption) (url string) {
	limits, err := rationconnect.New(s.Gate, cfg)
	require.NoError(s.t, err)
	opts = append(opts, connect.WithInterceptors(limits))
	mux := http.NewServeMux()
	mux.Handle(get, connect.NewUnaryHandler(get, func(ctx context.Context, req *request) (*response, error) {
		return echo(ctx, get, req)
	}, append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...))
	mux.Handle(chat, connect.NewBidiStreamHandler(chat, echoAll, opts...))
	return listen(s.t, s.Handler(http.StripPrefix("/api", mux))) + "/api"
}

// TestUnaryBehindMiddleware charges a call once, however it reaches the interceptor.
func TestUnaryBehindMiddleware(t *testing.T) {
	for name, opts := range map[string][]connect.ClientOption{
		"POST": nil,
		"GET":  {connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects)},
		"gRPC": {connect.WithGRPC()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "unlimited", "9/year")
			c := clientOf(t, s.behind(rpc.Config{}), get, opts...)
			_, err := s.call(c, message(10))
			require.NoError(t, err)
			require.Equal(t, used{"year": 1}, s.used())
			require.EqualValues(t, 1, s.mistakes(gate.DecidedTwice))
		})
	}
}

// TestStreamsBehindMiddleware charges the messages of a stream whose opening a middleware
// has charged.
func TestStreamsBehindMiddleware(t *testing.T) {
	const both = rpc.Received | rpc.Sent
	for name, c := range map[string]struct {
		cfg    rpc.Config
		quotas []string
		sizes  []int

		echoes int
		code   connect.Code // with which the stream ends
		used   used
	}{
		"messages": {
			cfg: rpc.Config{Messages: rpc.Received}, quotas: []string{"3/year"},
			sizes: []int{10, 10, 10}, echoes: 2, code: connect.CodeResourceExhausted, used: used{"year": 3},
		},
		"messages without the credential": {
			cfg: rpc.Config{Messages: rpc.Sent, StripCredential: true}, quotas: []string{"9/year"},
			sizes: []int{10, 10, 10}, echoes: 3, used: used{"year": 4},
		},
		"bytes": {
			cfg: rpc.Config{Messages: both, MessageCosts: bySize}, quotas: []string{"9/year", "35 bytes/year"},
			sizes: []int{10, 10}, echoes: 1, code: connect.CodeResourceExhausted, used: used{"year": 1, "bytes/year": 30},
		},
		"settled at the end": {
			cfg: rpc.Config{
				Settle: func(e *rpc.End) usageplan.Costs { return usageplan.Costs{e.Received.Bytes + e.Sent.Bytes} },
			},
			quotas: []string{"9/year", "90 bytes/year"},
			sizes:  []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 60},
		},
		"refunded": {
			cfg:    rpc.Config{Refund: func(rpc.Code) bool { return true }},
			quotas: []string{"9/year"}, sizes: []int{10}, echoes: 1, used: used{"year": 0},
		},
		"a public method": {
			cfg: rpc.Config{Messages: both, Public: []string{chat}}, quotas: []string{"9/year"},
			sizes: []int{10}, echoes: 1, used: used{"year": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "unlimited", c.quotas...)

			echoes, end := s.talk(clientOf(t, s.behind(c.cfg), chat), c.sizes...)

			if c.code == 0 {
				require.ErrorIs(t, end, io.EOF)
			} else {
				require.Equal(t, c.code, connect.CodeOf(end), end)
			}
			require.Equal(t, c.echoes, echoes)
			require.Subset(t, s.used(), c.used)
		})
	}
}

// mistakes returns how often a mistake was counted.
func (s *service) mistakes(m gate.Mistake) int64 {
	for _, c := range s.Gate.Stats().Mistakes {
		if c.Mistake == m {
			return c.Count
		}
	}
	return 0
}
