// Package redistest starts redis-servers for tests: a single one, one with TLS, a
// Cluster, or a Sentinel set.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Start(t)}})
package redistest

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Start runs redis-server until the test ends, and returns its address. The server uses a
// free port of the loopback and a temporary directory of the test, and keeps nothing on
// disk. The args are further settings, as on its command line.
//
// If there is no redis-server on the PATH, the test is skipped. It fails instead if the
// environment has RATION_REQUIRE_REDIS=1.
func Start(t testing.TB, args ...string) (addr string) {
	t.Helper()
	return StartServer(t, args...).Addr
}

// Server is a redis-server that a test can kill and start again.
type Server struct {
	Addr string

	program string
	args    []string
	process *process
}

// StartServer does what Start does, for a test that kills the server.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	program, err := findProgram(t), error(nil)
	for range 5 {
		var s *Server
		if s, err = start(t, program, args); err == nil {
			return s
		}
	}
	t.Fatalf("redis-server: %v", err)
	return nil
}

// Kill ends the server at once.
func (s *Server) Kill() { s.process.kill() }

// Restart starts a server that was killed, on the same address. The server has forgotten
// everything.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	port, err := net.LookupPort("tcp", s.Addr[strings.LastIndex(s.Addr, ":")+1:])
	if err == nil {
		s.process, err = run(t, s.program, port, s.args, answers)
	}
	if err != nil {
		t.Fatalf("redis-server: %v", err)
	}
}

// Installed reports whether there is a redis-server on the PATH.
func Installed() bool {
	_, err := exec.LookPath(programName)
	return err == nil
}

const programName = "redis-server"

// findProgram returns the path of redis-server. Without one the test is skipped, or fails
// if the environment requires it.
func findProgram(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath(programName)
	if err != nil {
		if os.Getenv("RATION_REQUIRE_REDIS") == "1" {
			t.Fatalf("RATION_REQUIRE_REDIS=1: %v", err)
		}
		t.Skipf("needs a redis-server: %v", err)
	}
	return program
}

// start tries one port. Another process may take that port before the server does.
func start(t testing.TB, program string, args []string) (*Server, error) {
	port, err := freePort(0)
	if err != nil {
		return nil, err
	}
	args = append([]string{"--port", strconv.Itoa(port)}, args...)
	p, err := run(t, program, port, args, answers)
	if err != nil {
		return nil, err
	}
	return &Server{p.addr, program, args, p}, nil
}

// freePort returns a port of the loopback on which no process listens. If above is not 0,
// the port above it by that much is free too: a node of a Cluster listens on both.
func freePort(above int) (int, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if above == 0 {
			return port, nil
		}
		if port = 11_000 + port%40_000; isFree(port) && isFree(port+above) {
			return port, nil
		}
	}
}

// isFree reports whether no process listens on a port of the loopback.
func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}

// process is a redis-server.
type process struct {
	addr   string
	cmd    *exec.Cmd
	exited chan error
}

// run starts a server and waits until it is ready. The server is killed when the test
// ends.
func run(t testing.TB, program string, port int, args []string, ready func(addr string) bool) (*process, error) {
	p := newProcess(program, port, append([]string{"--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)...)
	return p, p.start(t, ready)
}

func newProcess(program string, port int, args ...string) *process {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return &process{addr: addr, cmd: exec.Command(program, args...), exited: make(chan error, 1)}
}

func (p *process) start(t testing.TB, ready func(addr string) bool) error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { p.exited <- p.cmd.Wait() }()
	for deadline := time.After(10 * time.Second); ; {
		select {
		case err := <-p.exited:
			return errors.Join(errors.New("the server exited"), err)
		case <-deadline:
			return errors.Join(errors.New("no answer within 10s"), p.cmd.Process.Kill(), <-p.exited)
		case <-time.After(5 * time.Millisecond):
		}
		if ready(p.addr) {
			t.Cleanup(p.kill)
			return nil
		}
	}
}

// kill ends the process. It may be called again.
func (p *process) kill() {
	if p.cmd.Process.Kill() == nil {
		<-p.exited
	}
}

// answers reports whether a Redis that is not loading answers at addr. An answer that
// demands a password counts.
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
	return err == nil && (string(reply[:n]) == "+PONG\r\n" || string(reply[:n]) == "-NOAUTH")
}
