package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// A Cluster is three primaries with a replica each, on the loopback.
type Cluster struct {
	Addrs []string

	nodes []*node
}

// node is a server and a client that is connected to this server only.
type node struct {
	*process
	rueidis.Client
	id string
}

const primaries = 3

// StartCluster runs a Cluster until the test ends. It returns when all nodes are ready.
// Without a redis-server the test is skipped, as by Start.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	program := findProgram(t)
	c := &Cluster{}
	for range 2 * primaries {
		n := startNode(t, program, 10_000, "--cluster-enabled", "yes", "--cluster-node-timeout", "1500")
		n.id = n.ask(t, "CLUSTER", "MYID")
		c.nodes, c.Addrs = append(c.nodes, n), append(c.Addrs, n.addr)
	}
	for i, n := range c.nodes {
		n.ask(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < primaries {
			n.ask(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*16384/primaries), strconv.Itoa((i+1)*16384/primaries-1))
		}
		host, port, _ := net.SplitHostPort(n.addr)
		c.nodes[0].ask(t, "CLUSTER", "MEET", host, port)
	}
	c.wait(t, "nodes to meet", func(n *node) bool { return strings.Contains(n.ask(t, "CLUSTER", "INFO"), "cluster_known_nodes:6") })
	for i, n := range c.nodes[primaries:] {
		n.ask(t, "CLUSTER", "REPLICATE", c.nodes[i].id)
	}
	c.wait(t, "replicas", func(n *node) bool { return n.ready(t) })
	return c
}

// ready reports whether the Cluster is complete from the node's view, and its replication
// works.
func (n *node) ready(t testing.TB) bool {
	info := n.ask(t, "INFO", "replication")
	return strings.Contains(n.ask(t, "CLUSTER", "INFO"), "cluster_state:ok") && strings.Count(n.ask(t, "CLUSTER", "NODES"), "slave ") == primaries &&
		(strings.Contains(info, "master_link_status:up") || strings.Count(info, "state=online") == 1)
}

// wait polls until done holds for all nodes.
func (c *Cluster) wait(t testing.TB, what string, done func(n *node) bool) {
	t.Helper()
	eventually(t, what, func() bool {
		for _, n := range c.nodes {
			if !done(n) {
				return false
			}
		}
		return true
	})
}

// Slot returns the slot of a key.
func (c *Cluster) Slot(t testing.TB, key string) int {
	t.Helper()
	slot, err := strconv.Atoi(c.nodes[0].ask(t, "CLUSTER", "KEYSLOT", key))
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

// A Move moves a slot to another primary. Until End, clients are answered with ASK and
// TRYAGAIN. After End they are answered with MOVED.
type Move struct {
	cluster  *Cluster
	slot     string
	from, to *node
}

// Begin begins to move a slot. The keys of the slot stay where they are.
func (c *Cluster) Begin(t testing.TB, slot int) *Move {
	t.Helper()
	m := &Move{cluster: c, slot: strconv.Itoa(slot), from: c.owner(t, slot)}
	for _, n := range c.nodes {
		if n != m.from && n.isPrimary(t) {
			m.to = n
		}
	}
	m.to.ask(t, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.from.id)
	m.from.ask(t, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.to.id)
	return m
}

func (n *node) isPrimary(t testing.TB) bool {
	return strings.Contains(n.ask(t, "INFO", "replication"), "role:master")
}

// Key moves one key.
func (m *Move) Key(t testing.TB, key string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(m.to.addr)
	m.from.ask(t, "MIGRATE", host, port, key, "0", "5000")
}

// Migrate moves a slot to another primary, key by key, as an operator does.
func (c *Cluster) Migrate(t testing.TB, slot int) {
	t.Helper()
	c.Begin(t, slot).End(t)
}

// End moves the keys that are left, and gives the slot to the new primary.
func (m *Move) End(t testing.TB) {
	t.Helper()
	for {
		get := m.from.B().Arbitrary("CLUSTER", "GETKEYSINSLOT", m.slot, "1").Build()
		keys, err := m.from.Do(t.Context(), get).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		m.Key(t, keys[0])
	}
	c := m.cluster
	told := []*node{m.to, m.from}
	for _, n := range c.nodes {
		if n != m.from && n != m.to && n.isPrimary(t) {
			told = append(told, n)
		}
	}
	for _, n := range told {
		n.ask(t, "CLUSTER", "SETSLOT", m.slot, "NODE", m.to.id)
	}
	// The next move wins only if all nodes know the epoch of this one.
	epochs := map[string]bool{}
	eventually(t, "one epoch", func() bool {
		clear(epochs)
		for _, n := range c.nodes {
			_, rest, _ := strings.Cut(n.ask(t, "CLUSTER", "INFO"), "cluster_current_epoch:")
			epoch, _, _ := strings.Cut(rest, "\r\n")
			epochs[epoch] = true
		}
		return len(epochs) == 1
	})
}

// owner returns the primary that says of itself that it has a slot.
func (c *Cluster) owner(t testing.TB, slot int) (owner *node) {
	t.Helper()
	for _, n := range c.nodes {
		for line := range strings.Lines(n.ask(t, "CLUSTER", "NODES")) {
			fields := strings.Fields(line)
			if !strings.Contains(fields[2], "myself,master") {
				continue
			}
			for _, span := range fields[8:] {
				var first, last int
				if k, _ := fmt.Sscanf(span, "%d-%d", &first, &last); k == 1 {
					last = first
				}
				if first <= slot && slot <= last && span[0] != '[' {
					owner = n
				}
			}
		}
	}
	if owner == nil {
		t.Fatalf("no primary has slot %d", slot)
	}
	return owner
}

// Failover promotes the replica of the primary that has a slot, and waits until it is
// primary. No write is lost.
func (c *Cluster) Failover(t testing.TB, slot int) {
	t.Helper()
	replica := c.replica(t, c.owner(t, slot))
	replica.ask(t, "CLUSTER", "FAILOVER")
	eventually(t, "the failover", func() bool { return c.owner(t, slot) == replica })
}

// replica returns the replica of a primary.
func (c *Cluster) replica(t testing.TB, of *node) *node {
	t.Helper()
	for _, n := range c.nodes {
		for line := range strings.Lines(n.ask(t, "CLUSTER", "NODES")) {
			if fields := strings.Fields(line); strings.Contains(fields[2], "myself,slave") && fields[3] == of.id {
				return n
			}
		}
	}
	t.Fatalf("%s has no replica", of.addr)
	return nil
}

// startNode runs a server on a port p, so that p + above is free too, and connects to it.
func startNode(t testing.TB, program string, above int, args ...string) *node {
	t.Helper()
	var err error
	for range 5 {
		var port int
		if port, err = freePort(above); err != nil {
			continue
		}
		var p *process
		all := append([]string{"--port", strconv.Itoa(port), "--repl-diskless-sync-delay", "0"}, args...)
		if p, err = run(t, program, port, all, answers); err == nil {
			return connect(t, p)
		}
	}
	t.Fatalf("redis-server: %v", err)
	return nil
}

func connect(t testing.TB, p *process) *node {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{p.addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &node{process: p, Client: client}
}

// ask sends a command that must not fail, and returns the reply as text.
func (n *node) ask(t testing.TB, words ...string) string {
	t.Helper()
	reply, err := n.Do(t.Context(), n.B().Arbitrary(words...).Build()).ToAny()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return fmt.Sprint(reply)
}

// eventually polls until done returns true, for at most 30s.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}
