// Package pipeserver serves HTTP over a connection within this process. So time can pass
// in the bubble of a test while a client or a server waits.
package pipeserver

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve lets a server serve one connection. It returns the client's end of it, and a
// function that ends both. Call stop within the bubble.
func Serve(t testing.TB, s *http.Server) (client net.Conn, stop func()) {
	client, server := net.Pipe()
	conns := make(listener, 1)
	conns <- server
	go func() { _ = s.Serve(conns) }()
	return client, func() {
		close(conns)
		require.NoError(t, client.Close())
		require.NoError(t, s.Close())
	}
}

// A listener accepts the connections that are sent to it. The server calls Close before
// the test closes the channel, so Close does nothing.
type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }
