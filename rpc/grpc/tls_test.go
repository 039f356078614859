package rationgrpc_test

import (
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
)

// TestTLS authenticates calls by what is known of their connections.
func TestTLS(t *testing.T) {
	https := httptest.NewTLSServer(nil) // has a certificate of example.com
	t.Cleanup(https.Close)
	s := newService(t, "unlimited", "9/year")
	var call *rpc.Call
	limits, err := rationgrpc.New(s.Gate, rpc.Config{Credential: func(c *rpc.Call) (middleware.Credential, error) {
		call = c
		return middleware.Credential{KeyID: s.keyID}, nil
	}})
	require.NoError(t, err)
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&https.TLS.Certificates[0])), grpc.ChainUnaryInterceptor(limits.Unary))
	handlers{}.register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "example.com")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })

	require.NoError(t, conn.Invoke(t.Context(), get, &text{}, &text{}))

	require.Equal(t, "example.com", call.TLS.ServerName)
	require.Contains(t, call.Peer, "127.0.0.1:")
	require.Equal(t, used{"year": 1}, s.used())
}
