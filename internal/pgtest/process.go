package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// settings are those of every server. Later ones on its command line win.
var settings = []string{
	"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300",
	"fsync=off", "shared_buffers=64MB", "log_min_messages=fatal",
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// run starts the server on its port, and waits until it answers.
func (s *Server) run() error {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range append(settings[:len(settings):len(settings)], s.settings...) {
		args = append(args, "-c", setting)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.programs.command("postgres", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	p, err := launch(cmd)
	if err != nil {
		return err
	}
	if err := p.await(func() bool { return answers(s.port) }); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w: %s", err, text)
	}
	s.process = p
	return nil
}

// launch starts a command.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		err := startBound(cmd)
		started <- err
		if err == nil {
			_ = cmd.Wait() // a server that was killed exits with an error
			close(p.exited)
		}
	}()
	return p, <-started
}

// await waits until the server is ready.
func (p *process) await(ready func() bool) error {
	for deadline := time.After(30 * time.Second); ; {
		select {
		case <-p.exited:
			return errors.New("the server exited")
		case <-deadline:
			p.kill()
			return errors.New("no answer within 30s")
		case <-time.After(10 * time.Millisecond):
		}
		if ready() {
			return nil
		}
	}
}

// answers reports whether a server at a port lets clients in: it asks a new session for a
// password. A server that is starting answers with an error.
func answers(port int) bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(5*time.Second)) != nil {
		return false
	}
	body := "\x00\x03\x00\x00user\x00" + superuser + "\x00\x00" // version 3.0 of the protocol
	if _, err := conn.Write(append([]byte{0, 0, 0, byte(4 + len(body))}, body...)); err != nil {
		return false
	}
	kind := make([]byte, 1)
	_, err = conn.Read(kind)
	return err == nil && kind[0] == 'R' // the server asks for a password
}
