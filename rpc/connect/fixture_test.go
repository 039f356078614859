package rationconnect_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// These are the methods of the tests' service. Each takes and returns texts.
const (
	get    = "/pets.v1.Pets/Get"
	report = "/pets.v1.Pets/Report"
	health = "/pets.v1.Health/Check"
	chat   = "/pets.v1.Pets/Chat"   // both sides send
	upload = "/pets.v1.Pets/Upload" // the client sends
	watch  = "/pets.v1.Pets/Watch"  // the server sends
)

type (
	text     = wrapperspb.StringValue
	request  = connect.Request[text]
	response = connect.Response[text]
)

// protocols are the options of clients, by the protocol that they speak.
var protocols = map[string][]connect.ClientOption{
	"Connect":  nil,
	"gRPC":     {connect.WithGRPC()},
	"gRPC-Web": {connect.WithGRPCWeb()},
}

// unary is the handler of unary methods.
type unary func(ctx context.Context, method string, req *request) (*response, error)

// echo answers with what it has received.
func echo(_ context.Context, _ string, req *request) (*response, error) {
	return connect.NewResponse(req.Msg), nil
}

// serve starts a server with the unary methods and the streams, and returns its address.
func serve(t *testing.T, handle unary, opts ...connect.HandlerOption) string {
	mux := http.NewServeMux()
	for _, method := range []string{get, report, health} {
		mux.Handle(method, connect.NewUnaryHandler(method, func(ctx context.Context, req *request) (*response, error) {
			return handle(ctx, method, req)
		}, opts...))
	}
	mux.Handle(chat, connect.NewBidiStreamHandler(chat, echoAll, opts...))
	mux.Handle(upload, connect.NewClientStreamHandler(upload, func(_ context.Context, s *connect.ClientStream[text]) (*response, error) {
		for s.Receive() {
		}
		return connect.NewResponse(message(30)), s.Err()
	}, opts...))
	mux.Handle(watch, connect.NewServerStreamHandler(watch, func(_ context.Context, _ *request, s *connect.ServerStream[text]) error {
		return errors.Join(s.Send(message(10)), s.Send(message(10)))
	}, opts...))
	return listen(t, mux)
}

// listen serves h over HTTP/1 and HTTP/2, and returns the address.
func listen(t *testing.T, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the panics
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func echoAll(_ context.Context, s *connect.BidiStream[text, text]) error {
	for {
		in, err := s.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(in); err != nil {
			return err
		}
	}
}

// clientOf returns a client of a method.
func clientOf(t *testing.T, url, method string, opts ...connect.ClientOption) *connect.Client[text, text] {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return connect.NewClient[text, text](&http.Client{Transport: transport}, url+method, opts...)
}

// service is a Ration with the units bytes and words, and one key under one plan.
type service struct {
	*ration.Ration
	t      *testing.T
	keyID  string
	secret string
}

func newService(t *testing.T, throttle string, quotas ...string) *service {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: usageplan.Units{{Name: "bytes"}, {Name: "words"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	_, err = r.Plan(t.Context(), "free", throttle, quotas...)
	require.NoError(t, err)
	key, secret, err := r.Issue(t.Context(), "free", "my-client")
	require.NoError(t, err)
	return &service{r, t, key.ID, string(secret)}
}

// serve starts a server with these settings.
func (s *service) serve(cfg rpc.Config, handle unary) (url string) {
	limits, err := rationconnect.New(s.Gate, cfg)
	require.NoError(s.t, err)
	return serve(s.t, handle, connect.WithInterceptors(limits))
}

// call makes a unary call with the key.
func (s *service) call(c *connect.Client[text, text], message *text) (*response, error) {
	req := connect.NewRequest(message)
	req.Header().Set("X-API-Key", s.secret)
	return c.CallUnary(s.t.Context(), req)
}

// used returns what the key has used, by the names of its limits.
func (s *service) used() map[string]int64 {
	d, err := s.Gate.Peek(s.t.Context(), gate.Request{KeyID: s.keyID})
	require.NoError(s.t, err)
	used := map[string]int64{}
	for l := range d.Levels() {
		used[l.Name] = l.Used
	}
	return used
}

// detail returns a detail of an error by its type.
func detail[T any](t *testing.T, err error) T {
	var failed *connect.Error
	require.ErrorAs(t, err, &failed)
	for _, d := range failed.Details() {
		value, err := d.Value()
		require.NoError(t, err)
		if value, ok := value.(T); ok {
			return value
		}
	}
	t.Fatalf("no %T in %v", *new(T), err)
	panic("unreachable")
}
