package rationgrpc_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
	"github.com/ration-go/ration/usageplan"
)

// bySize charges the size of a message, and one word.
func bySize(c *rpc.Call) usageplan.Costs { return usageplan.Costs{c.Size(), 1} }

// message returns a message of n bytes on the wire.
func message(n int) *text { return wrapperspb.String(strings.Repeat("x", n-2)) }

// talk opens a stream, sends messages of these sizes, and expects an echo of each. It
// returns how many came, and how the stream ended.
func (s *service) talk(conn *grpc.ClientConn, sizes ...int) (echoes int, end error) {
	stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, chat)
	require.NoError(s.t, err)
	for _, size := range sizes {
		if err := stream.SendMsg(message(size)); err == nil {
			err = stream.RecvMsg(&text{})
			if err != nil {
				return echoes, err
			}
		}
		echoes++
	}
	require.NoError(s.t, stream.CloseSend())
	return echoes, stream.RecvMsg(&text{})
}

type used = map[string]int64

// TestStreams charges streams at their start, by messages and by bytes. A message that
// does not fit ends its stream, and is not charged.
func TestStreams(t *testing.T) {
	const both = rpc.Received | rpc.Sent
	for name, c := range map[string]struct {
		quotas []string
		cfg    rpc.Config
		sizes  []int

		echoes int
		code   codes.Code // with which the stream ends
		limit  string     // that refused
		used   used
	}{
		"the start": {
			quotas: []string{"2/year"},
			sizes:  []int{10, 10, 10}, echoes: 3, used: used{"year": 1},
		},
		"the start, with costs": {
			quotas: []string{"2/year", "9 bytes/year"}, cfg: rpc.Config{Costs: func(c *rpc.Call) usageplan.Costs { return usageplan.Costs{7 + c.Size()} }},
			sizes: []int{10, 10, 10}, echoes: 3, used: used{"year": 1, "bytes/year": 7},
		},
		"received messages": {
			quotas: []string{"4/year"}, cfg: rpc.Config{Messages: rpc.Received},
			sizes: []int{10, 10, 10}, echoes: 3, used: used{"year": 4},
		},
		"one received message too many": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Received},
			sizes: []int{10, 10, 10}, echoes: 2, code: codes.ResourceExhausted, limit: "year", used: used{"year": 3},
		},
		"one sent message too many": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Sent},
			sizes: []int{10, 10, 10}, echoes: 2, code: codes.ResourceExhausted, limit: "year", used: used{"year": 3},
		},
		"messages of both sides": {
			quotas: []string{"4/year"}, cfg: rpc.Config{Messages: both},
			sizes: []int{10, 10}, echoes: 1, code: codes.ResourceExhausted, limit: "year", used: used{"year": 4},
		},
		"messages with costs": {
			quotas: []string{"9/year", "25 bytes/year"}, cfg: rpc.Config{Messages: rpc.Received, Costs: bySize},
			sizes: []int{10, 10, 10}, echoes: 2, code: codes.ResourceExhausted, limit: "bytes/year", used: used{"year": 3, "bytes/year": 20},
		},
		"bytes of received messages": {
			quotas: []string{"1/year", "30 bytes/year"}, cfg: rpc.Config{Messages: rpc.Received, MessageCosts: bySize},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 30},
		},
		"bytes beyond the limit": {
			quotas: []string{"1/year", "29 bytes/year"}, cfg: rpc.Config{Messages: rpc.Received, MessageCosts: bySize},
			sizes: []int{10, 20, 5}, echoes: 1, code: codes.ResourceExhausted, limit: "bytes/year", used: used{"year": 1, "bytes/year": 10},
		},
		"bytes of both sides": {
			quotas: []string{"1/year", "100 words/year", "35 bytes/year"}, cfg: rpc.Config{Messages: both, MessageCosts: bySize},
			sizes: []int{10, 10}, echoes: 1, code: codes.ResourceExhausted, limit: "bytes/year", used: used{"year": 1, "words/year": 3, "bytes/year": 30},
		},
		"a message that can never fit": {
			quotas: []string{"9/year", "29 bytes/year"}, cfg: rpc.Config{Messages: rpc.Received, MessageCosts: bySize},
			sizes: []int{10, 30}, echoes: 1, code: codes.PermissionDenied, limit: "bytes/year", used: used{"year": 1, "bytes/year": 10},
		},
		"free messages": {
			quotas: []string{"1/year", "9 bytes/year"}, cfg: rpc.Config{Messages: both, MessageCosts: bySize, Free: func(c *rpc.Call) bool { return c.Message != nil }},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 0},
		},
		"a public stream": {
			quotas: []string{"1/year", "9 bytes/year"}, cfg: rpc.Config{Messages: both, MessageCosts: bySize, Public: []string{chat}},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 0, "bytes/year": 0},
		},
		"an ID": {
			quotas: []string{"9/year"}, cfg: rpc.Config{Messages: rpc.Received, ID: func(*rpc.Call) string { return "7" }},
			sizes: []int{10, 10}, echoes: 2, used: used{"year": 3},
		},
		"a hidden key": {
			quotas: []string{"9/year"}, cfg: rpc.Config{Messages: both, StripCredential: true},
			sizes: []int{10, 10}, echoes: 2, used: used{"year": 5},
		},
		"a negative cost": {
			quotas: []string{"9/year"}, cfg: rpc.Config{Messages: rpc.Received, MessageCosts: func(*rpc.Call) usageplan.Costs { return usageplan.Costs{-1} }},
			sizes: []int{10}, code: codes.Internal, used: used{"year": 1},
		},
		"settled at the end": {
			quotas: []string{"9/year", "20 bytes/year"},
			cfg: rpc.Config{
				Costs: func(*rpc.Call) usageplan.Costs { return usageplan.Costs{1} },
				Settle: func(e *rpc.End) usageplan.Costs {
					return usageplan.Costs{e.Received.Bytes + e.Sent.Bytes, e.Sent.Messages}
				},
			},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 60},
		},
		"left as it was at the end": {
			quotas: []string{"9/year", "20 bytes/year"},
			cfg: rpc.Config{
				Costs:  func(*rpc.Call) usageplan.Costs { return usageplan.Costs{3} },
				Settle: func(e *rpc.End) usageplan.Costs { return e.Costs },
			},
			sizes: []int{10, 20}, echoes: 2, used: used{"year": 1, "bytes/year": 3},
		},
		"refunded after a refusal": {
			quotas: []string{"3/year"}, cfg: rpc.Config{Messages: rpc.Received, Refund: func(c rpc.Code) bool { return c == rpc.ResourceExhausted }},
			sizes: []int{10, 10, 10}, echoes: 2, code: codes.ResourceExhausted, limit: "year", used: used{"year": 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "unlimited", c.quotas...)
			conn := s.dial(c.cfg, handlers{})

			echoes, end := s.talk(conn, c.sizes...)

			if c.code == codes.OK {
				require.Equal(t, io.EOF, end)
			} else {
				require.Equal(t, c.code, status.Code(end), end)
			}
			require.Equal(t, c.echoes, echoes)
			require.Subset(t, s.used(), c.used)
			if c.limit != "" {
				require.Contains(t, violations(t, end), c.limit)
			}
		})
	}
}

// TestKindsOfStreams charges the messages of streams in which only one side sends
// several.
func TestKindsOfStreams(t *testing.T) {
	for method, want := range map[string]int64{upload: 10 + 10 + 30, watch: 30 + 10 + 10} {
		s := newService(t, "unlimited", "1/year", "1000 bytes/year")
		conn := s.dial(rpc.Config{Messages: rpc.Received | rpc.Sent, MessageCosts: bySize}, handlers{stream: func(stream grpc.ServerStream) error {
			in := new(text)
			for n := 0; ; n++ {
				if err := stream.RecvMsg(in); err != nil {
					break
				}
			}
			if method == upload {
				return stream.SendMsg(message(30))
			}
			_ = stream.SendMsg(message(10))
			return stream.SendMsg(message(10))
		}})

		stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
		require.NoError(t, err)
		if method == upload {
			require.NoError(t, stream.SendMsg(message(10)))
			require.NoError(t, stream.SendMsg(message(10)))
		} else {
			require.NoError(t, stream.SendMsg(message(30)))
		}
		require.NoError(t, stream.CloseSend())
		for err == nil {
			err = stream.RecvMsg(&text{})
		}

		require.Equal(t, io.EOF, err)
		require.Equal(t, want, s.used()["bytes/year"], method)
	}
}

// TestRevoked ends a stream at the first message after its key was disabled.
func TestRevoked(t *testing.T) {
	for name, costs := range map[string]func(*rpc.Call) usageplan.Costs{"requests": nil, "bytes": bySize} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "unlimited", "100 bytes/year")
			conn := s.dial(rpc.Config{Messages: rpc.Received, MessageCosts: costs}, handlers{})
			stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, chat)
			require.NoError(t, err)
			require.NoError(t, stream.SendMsg(message(10)))
			require.NoError(t, stream.RecvMsg(&text{}))

			_, err = s.Keys.Disable(t.Context(), s.keyID)
			require.NoError(t, err)
			require.NoError(t, stream.SendMsg(message(10)))

			require.Equal(t, codes.Unauthenticated, status.Code(stream.RecvMsg(&text{})))
		})
	}
}

// TestDeafHandler refuses a message of a handler that takes no notice of errors. The
// handler sends and receives nothing more, its context ends, and the client gets the
// refusal.
func TestDeafHandler(t *testing.T) {
	s := newService(t, "unlimited", "2/year")
	var cause error
	var later []codes.Code
	conn := s.dial(rpc.Config{Messages: rpc.Sent}, handlers{stream: func(stream grpc.ServerStream) error {
		_ = stream.SendMsg(message(10))
		_ = stream.SendMsg(message(10))
		<-stream.Context().Done()
		cause = context.Cause(stream.Context())
		later = append(later, status.Code(stream.SendMsg(message(10))), status.Code(stream.RecvMsg(&text{})))
		return nil
	}})

	stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, chat)
	require.NoError(t, err)
	require.NoError(t, stream.RecvMsg(&text{}))
	end := stream.RecvMsg(&text{})

	require.Equal(t, codes.ResourceExhausted, status.Code(end))
	require.NotEmpty(t, stream.Trailer()["retry-after"])
	require.IsType(t, &rpc.Refusal{}, cause)
	require.Equal(t, []codes.Code{codes.ResourceExhausted, codes.ResourceExhausted}, later)
	require.Equal(t, used{"year": 2}, s.used())
}

// TestManyMessages sends messages both ways at the same time. Exactly as many as the
// quota allows are charged.
func TestManyMessages(t *testing.T) {
	s := newService(t, "unlimited", "100/year")
	conn := s.dial(rpc.Config{Messages: rpc.Received | rpc.Sent}, handlers{stream: func(stream grpc.ServerStream) error {
		received := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				err = stream.RecvMsg(&text{})
			}
			received <- err
		}()
		var err error
		for err == nil {
			err = stream.SendMsg(message(10))
		}
		<-received
		return err
	}})
	stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, chat)
	require.NoError(t, err)
	go func() {
		for stream.SendMsg(message(10)) == nil {
		}
	}()
	for err == nil {
		err = stream.RecvMsg(&text{})
	}
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, used{"year": 100}, s.used())
}

// TestStreamTwice charges the opening and each message of a stream once, although it
// passes through two interceptors of one Gate.
func TestStreamTwice(t *testing.T) {
	for name, c := range map[string]struct{ outer, inner rpc.Config }{
		"both":                  {rpc.Config{Messages: rpc.Received}, rpc.Config{Messages: rpc.Received}},
		"bytes":                 {rpc.Config{Messages: rpc.Received}, rpc.Config{Messages: rpc.Received, MessageCosts: bySize}},
		"a stripped credential": {rpc.Config{Messages: rpc.Received, StripCredential: true}, rpc.Config{Messages: rpc.Received}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "unlimited", "9/year", "100 bytes/year")
			outer, err := rationgrpc.New(s.Gate, c.outer)
			require.NoError(t, err)
			inner := outer
			if !c.outer.StripCredential {
				inner, err = rationgrpc.New(s.Gate, c.inner)
				require.NoError(t, err)
			}
			conn := dial(t, outer, handlers{stream: func(stream grpc.ServerStream) error {
				return inner.Stream(nil, stream, &grpc.StreamServerInfo{FullMethod: chat}, func(_ any, stream grpc.ServerStream) error {
					for {
						m := &text{}
						if err := stream.RecvMsg(m); err != nil {
							return nil
						}
						if err := stream.SendMsg(m); err != nil {
							return err
						}
					}
				})
			}})
			stream, err := conn.NewStream(s.withKey(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, chat)
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, stream.SendMsg(message(10)))
				require.NoError(t, stream.RecvMsg(&text{}))
			}
			require.Equal(t, used{"year": 3, "bytes/year": 0}, s.used())
		})
	}
}
