package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRefusalWaitsForNoBody opens 1,000 connections without a key on each plane. Each of
// them announces a body and does not send it. Every one must be answered and closed.
func TestRefusalWaitsForNoBody(t *testing.T) {
	t.Parallel()
	gw := start(t)
	for plane, url := range map[string]string{"data": gw.data, "control": gw.control} {
		var wg sync.WaitGroup
		closed := make(chan error, 1000)
		for range cap(closed) {
			wg.Go(func() { closed <- refused(strings.TrimPrefix(url, "http://")) })
		}
		wg.Wait()
		for range cap(closed) {
			require.NoError(t, <-closed, plane)
		}
	}
}

// refused returns an error unless a request is answered with 403 and its connection is
// closed within 20s.
func refused(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err = io.WriteString(conn, "POST /apikeys HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"); err != nil {
		return err
	}
	answers := bufio.NewReader(conn)
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusForbidden {
		return http.ErrNotSupported
	}
	_, err = io.Copy(io.Discard, answers) // until it closes
	return err
}
