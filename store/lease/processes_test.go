//go:build unix

package lease_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store/redis"
)

// sharers is the number of processes that share the quota.
const sharers = 8

// A harm is what a round does to the processes and the server.
type harm string

const (
	killProcess  harm = "SIGKILL of a process"
	crashServer  harm = "SIGKILL of the server"
	stopServer   harm = "SIGTERM of the server"
	cut          harm = "CLIENT KILL"
	flushScripts harm = "SCRIPT FLUSH"
)

// A round has eight processes share a quota while harm is done to them.
type round struct {
	t       *testing.T
	rnd     *rand.Rand
	server  *redistest.Server
	control rueidis.Client
	job     sharer
	dir     string // has the file of each process's counts

	running []*exec.Cmd // by process, nil once it has ended by itself
	ended   chan ending
	killed  map[*exec.Cmd]bool
}

// An ending is the end of a process.
type ending struct {
	process int
	cmd     *exec.Cmd
	err     error
}

// newRound starts a server that keeps every write that it has answered.
func newRound(t *testing.T, seed uint64, quota int64, burst int) *round {
	t.Helper()
	server := redistest.StartServer(t, "--dir", t.TempDir(), "--appendonly", "yes", "--appendfsync", "always")
	return &round{
		t: t, rnd: rand.New(rand.NewPCG(seed, 0)), server: server, control: controlOf(t, server.Addr),
		job: sharer{URL: "redis://" + server.Addr, Quota: quota, Burst: burst}, dir: t.TempDir(),
		ended: make(chan ending, sharers), killed: map[*exec.Cmd]bool{},
	}
}

func controlOf(t *testing.T, addr string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// play runs the processes and does each harm once, in order. It returns when every
// process has been refused for doneAfter.
func (r *round) play(harms []harm) {
	for i := range sharers {
		require.NoError(r.t, os.WriteFile(r.cells(i), make([]byte, 8*spenders), 0o600))
		r.running = append(r.running, nil)
		r.start(i)
	}
	for alive := sharers; alive > 0; {
		var due <-chan time.Time
		if len(harms) > 0 {
			due = time.After(time.Duration(r.rnd.Int64N(int64(60 * time.Millisecond))))
		}
		select {
		case e := <-r.ended:
			if r.killed[e.cmd] {
				r.start(e.process)
				continue
			}
			assert.NoError(r.t, e.err, "%s", e.cmd.Stdout)
			r.running[e.process] = nil
			alive--
		case <-due:
			r.do(harms[0])
			harms = harms[1:]
		}
	}
}

// cells returns the name of the file that has the counts of a process.
func (r *round) cells(process int) string { return filepath.Join(r.dir, fmt.Sprint(process)) }

// start runs a process. After a crash it adds to the counts that it had.
func (r *round) start(process int) {
	job := r.job
	job.Cells = r.cells(process)
	text, err := json.Marshal(job)
	require.NoError(r.t, err)
	cmd := exec.CommandContext(r.t.Context(), os.Args[0], "-test.run=^TestSharer$")
	cmd.Env = append(os.Environ(), sharerVariable+"="+string(text))
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(r.t, cmd.Start())
	r.running[process] = cmd
	go func() { r.ended <- ending{process, cmd, cmd.Wait()} }()
}

func (r *round) do(h harm) {
	switch h {
	case killProcess:
		cmd := r.running[r.rnd.IntN(sharers)]
		if cmd != nil && !r.killed[cmd] && cmd.Process.Kill() == nil {
			r.killed[cmd] = true
		}
	case crashServer:
		r.server.Kill()
		r.server.Restart(r.t)
	case stopServer:
		r.stop()
		r.server.Restart(r.t)
	case cut:
		r.tell("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	case flushScripts:
		r.tell("SCRIPT", "FLUSH")
	}
}

// stop ends the server by SIGTERM, and waits until it listens no more.
func (r *round) stop() {
	info := r.tell("INFO", "server")
	_, after, found := strings.Cut(info, "process_id:")
	require.True(r.t, found, info)
	var pid int
	_, err := fmt.Sscan(after, &pid)
	require.NoError(r.t, err)
	require.NoError(r.t, syscall.Kill(pid, syscall.SIGTERM))
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", r.server.Addr)
		if err != nil {
			return
		}
		conn.Close()
		require.True(r.t, time.Now().Before(deadline), "the server still listens")
		<-time.After(time.Millisecond)
	}
}

// tell sends the server a command, and returns the reply as text. The connection may have
// broken, so it tries again.
func (r *round) tell(words ...string) string {
	var err error
	for range 10 {
		var reply any
		if reply, err = r.control.Do(r.t.Context(), r.control.B().Arbitrary(words...).Build()).ToAny(); err == nil {
			return fmt.Sprint(reply)
		}
	}
	require.NoError(r.t, err, words)
	return ""
}

// admitted returns the sum of the counts.
func (r *round) admitted() (sum int64) {
	for i := range sharers {
		cells, err := os.ReadFile(r.cells(i))
		require.NoError(r.t, err)
		for cell := range slices.Chunk(cells, 8) {
			sum += int64(binary.LittleEndian.Uint64(cell))
		}
	}
	return sum
}

// used returns what the store counts of the quota and of the record.
func (r *round) used() (quota, record int64) {
	s, err := redis.Open(r.job.URL, redis.Config{})
	require.NoError(r.t, err)
	defer s.Close()
	c := r.job.charge(0)
	require.NoError(r.t, s.Take(r.t.Context(), c))
	return c.Parts[0].Levels[0].Used, c.Parts[0].Levels[1].Used
}

// TestProcesses has eight processes share one quota through leases, each as fast as it
// can, or in bursts. Processes are killed and started again, the server is restarted,
// connections are cut, and scripts are forgotten. Never are more units admitted than the
// quota has. If no process is killed, the quota is used up, and what was not spent has
// come back, except for calls of the spenders whose answers were lost.
func TestProcesses(t *testing.T) {
	t.Parallel()
	quota, rounds := int64(50_000), 1
	bursts := []int{4} // slow enough that the harm is done while there is quota left
	switch {
	case testing.Short():
		quota = 10_000
	case os.Getenv(manyRounds) != "":
		quota, rounds, bursts = 1_000_000, 30, []int{8, 16, 0}
	}
	run := func(name string, i int, harms []harm, check func(t *testing.T, r *round)) {
		t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
			r := newRound(t, uint64(i), quota, bursts[i%len(bursts)])
			r.rnd.Shuffle(len(harms), func(i, j int) { harms[i], harms[j] = harms[j], harms[i] })
			began := time.Now()
			r.play(harms)
			admitted := r.admitted()
			used, recorded := r.used()
			t.Logf("%d of %d admitted (%.5f), %d used, %d recorded, %d processes killed, pause after %d, %.1fs", admitted, quota,
				float64(admitted)/float64(quota), used, recorded, len(r.killed), r.job.Burst, time.Since(began).Seconds())
			require.LessOrEqual(t, admitted, quota)
			require.LessOrEqual(t, used, quota)
			require.LessOrEqual(t, admitted, used)
			check(t, r)
		})
	}
	all := slices.Concat(slices.Repeat([]harm{killProcess}, 12), slices.Repeat([]harm{cut, flushScripts}, 4), []harm{crashServer, stopServer})
	for i := range rounds {
		run("killed", i, slices.Clone(all), func(t *testing.T, r *round) { require.NotEmpty(t, r.killed) })
	}
	for i := range max(rounds/10, 1) {
		run("calm", i, slices.Repeat([]harm{flushScripts}, 8), func(t *testing.T, r *round) {
			require.GreaterOrEqual(t, float64(r.admitted()), 0.999*float64(quota))
			used, recorded := r.used()
			require.Equal(t, r.admitted(), used)
			require.Equal(t, r.admitted(), recorded)
		})
	}
	for i := range max(rounds/10, 1) {
		run("cut", i, slices.Concat(slices.Repeat([]harm{cut, flushScripts}, 4), []harm{crashServer, stopServer}), func(t *testing.T, r *round) {
			// Only the calls of callers are lost, and they are for one unit each.
			_, recorded := r.used()
			require.GreaterOrEqual(t, float64(r.admitted()), 0.995*float64(quota))
			require.GreaterOrEqual(t, float64(recorded), 0.999*float64(r.admitted()))
		})
	}
}
