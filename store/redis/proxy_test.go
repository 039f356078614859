package redis

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between client and server, and disturbs their connections as the test
// wants.
type proxy struct {
	addr     string
	cutReply atomic.Bool // close one connection when the server answers, and drop the answer
	cutSend  atomic.Bool // close one connection when the client sends, and drop the request
	silent   atomic.Bool // drop all answers
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{addr: l.Addr().String()}
	var open sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.serve(client, server) })
		}
	})
	return p
}

func (p *proxy) serve(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	var way sync.WaitGroup
	way.Go(func() {
		defer server.Close()
		pass(server, client, &p.cutSend, nil)
	})
	pass(client, server, &p.cutReply, &p.silent)
	client.Close()
	way.Wait()
}

// pass copies bytes until cut says so. It drops them while drop says so.
func pass(to io.Writer, from io.Reader, cut, drop *atomic.Bool) {
	buf := make([]byte, 1<<16)
	for dropped := false; ; {
		n, err := from.Read(buf)
		if err != nil || cut.CompareAndSwap(true, false) {
			return
		}
		if drop != nil && drop.Load() {
			dropped = true
			continue
		}
		if dropped {
			return // after a gap the rest would make no sense
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
