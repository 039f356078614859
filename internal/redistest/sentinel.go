package redistest

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Master is the name that a Sentinel set gives its master.
const Master = "ration"

// A Sentinel is a master with two replicas, and three Sentinels that watch them, on the
// loopback.
type Sentinel struct {
	Addrs []string // of the Sentinels

	servers, sentinels []*node
}

// StartSentinel runs a Sentinel set until the test ends. It returns when all servers are
// ready. Without a redis-server the test is skipped, as by Start.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	program := findProgram(t)
	s := &Sentinel{}
	master := startNode(t, program, 0)
	host, port, _ := net.SplitHostPort(master.addr)
	s.servers = []*node{master, startNode(t, program, 0, "--replicaof", host+" "+port), startNode(t, program, 0, "--replicaof", host+" "+port)}
	for range 3 {
		n := startSentinel(t, program, host, port)
		s.sentinels, s.Addrs = append(s.sentinels, n), append(s.Addrs, n.addr)
	}
	eventually(t, "the Sentinels to meet", func() bool {
		for _, n := range s.sentinels {
			state := n.ask(t, "SENTINEL", "MASTER", Master)
			if !strings.Contains(state, "num-slaves:2") || !strings.Contains(state, "num-other-sentinels:2") {
				return false
			}
		}
		return strings.Count(master.ask(t, "INFO", "replication"), "state=online") == 2
	})
	return s
}

func startSentinel(t testing.TB, program, host, port string) *node {
	t.Helper()
	own, err := freePort(0)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/sentinel.conf"
	config := strings.Join([]string{
		"port " + strconv.Itoa(own), "bind 127.0.0.1", "sentinel monitor " + Master + " " + host + " " + port + " 2",
		"sentinel down-after-milliseconds " + Master + " 1000", "sentinel failover-timeout " + Master + " 5000",
	}, "\n")
	if err := os.WriteFile(file, []byte(config+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProcess(program, own, file, "--sentinel")
	if err := p.start(t, answers); err != nil {
		t.Fatal(err)
	}
	return connect(t, p)
}

// Failover kills the master and waits until a replica has replaced it.
func (s *Sentinel) Failover(t testing.TB) {
	t.Helper()
	old := s.master(t)
	for _, n := range s.servers {
		if n.addr == old {
			n.kill()
		}
	}
	eventually(t, "another master", func() bool { return s.master(t) != old })
}

func (s *Sentinel) master(t testing.TB) string {
	t.Helper()
	words := strings.Fields(strings.Trim(s.sentinels[0].ask(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", Master), "[]"))
	return net.JoinHostPort(words[0], words[1])
}
