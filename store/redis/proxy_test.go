package redis

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between client and server, and spoils their connections as the test says.
type proxy struct {
	addr     string
	cutReply atomic.Bool // close one connection when the server answers, and do not pass the answer on
	cutSend  atomic.Bool // close one when the client sends, and do not pass that on
	silent   atomic.Bool // pass no answers on
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

// pass copies what comes, until cut, or leaves it out while drop.
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
			return // the rest would make no sense
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
