// Package redistest starts a redis-server for a test:
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Start(t)}})
package redistest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Start runs redis-server on a free port of the loopback, in a directory of the test's, until the test ends, and returns
// its address. It keeps nothing on disk; args are further settings, as on its command line. Where there is no redis-server
// on the PATH the test is skipped, or fails if the environment has RATION_REQUIRE_REDIS=1.
func Start(t testing.TB, args ...string) (addr string) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("RATION_REQUIRE_REDIS") == "1" {
			t.Fatalf("RATION_REQUIRE_REDIS=1: %v", err)
		}
		t.Skipf("needs a redis-server: %v", err)
	}
	for range 5 {
		if addr, err = start(t, program, args); err == nil {
			return addr
		}
	}
	t.Fatalf("redis-server: %v", err)
	return ""
}

// start tries one port. Somebody else may take it between our look and the server's.
func start(t testing.TB, program string, args []string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", err
	}
	cmd := exec.Command(program, append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)...)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for deadline := time.After(10 * time.Second); ; {
		select {
		case err := <-exited:
			return "", errors.Join(errors.New("the server went"), err)
		case <-deadline:
			return "", errors.Join(errors.New("no answer within 10 s"), cmd.Process.Kill(), <-exited)
		case <-time.After(5 * time.Millisecond):
		}
		if answers(addr) {
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-exited
			})
			return addr, nil
		}
	}
}

// answers says whether a Redis that is not loading answers at addr.
func answers(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply := make([]byte, 7)
	n, err := conn.Read(reply)
	return err == nil && string(reply[:n]) == "+PONG\r\n"
}
