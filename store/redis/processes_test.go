package redis

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// Four processes of eight goroutines each share a quota and a bucket.
const (
	processes, goroutines = 4, 8
	sharedQuota           = 10_000
	sharedBurst           = 500
	sharedRate            = 1000 // a second
)

// tally is what became of the charges of one subject, in one process or in all of them.
type tally struct {
	Admitted, Unknown int64
	Began, Ended      time.Time // of the first call, of the last answer
}

func (t *tally) add(o tally) {
	t.Admitted += o.Admitted
	t.Unknown += o.Unknown
	if t.Began.IsZero() || o.Began.Before(t.Began) {
		t.Began = o.Began
	}
	if o.Ended.After(t.Ended) {
		t.Ended = o.Ended
	}
}

// job tells a process to charge the meter of a subject until it is refused, or for a
// time.
type job struct {
	URL, Subject string
	Meter        store.Meter
	For          time.Duration // zero: until the charge is refused
}

const jobVariable = "RATION_TEST_JOB"

// TestProcess is a process of TestProcesses. It does nothing by itself.
func TestProcess(t *testing.T) {
	text, told := os.LookupEnv(jobVariable)
	if !told {
		t.Skip("for TestProcesses")
	}
	var j job
	require.NoError(t, json.Unmarshal([]byte(text), &j))
	s, err := Open(j.URL, Config{})
	require.NoError(t, err)
	defer s.Close()
	var (
		mu  sync.Mutex
		sum tally
		wg  sync.WaitGroup
	)
	for range goroutines {
		wg.Go(func() {
			one := j.run(t, s)
			mu.Lock()
			defer mu.Unlock()
			sum.add(one)
		})
	}
	wg.Wait()
	out, err := json.Marshal(sum)
	require.NoError(t, err)
	fmt.Printf("tally %s\n", out)
}

func (j *job) run(t *testing.T, s *Store) (sum tally) {
	sum.Began = time.Now()
	for ok := true; ok && time.Since(sum.Began) < time.Minute; {
		c := store.NewCharge(j.Subject, 1, j.Meter, record)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.Take(ctx, c)
		cancel()
		switch {
		case errors.Is(err, store.ErrNotTaken):
		case err != nil:
			sum.Unknown++
		case c.OK:
			sum.Admitted++
		}
		sum.Ended = time.Now()
		ok = err != nil || c.OK || sum.Ended.Sub(sum.Began) < j.For
	}
	return sum
}

// crowd runs the job in all processes while it harms the server again and again.
func crowd(t *testing.T, addr string, j job, harm ...[]string) (sum tally) {
	t.Helper()
	control := single(t, addr)
	require.NoError(t, control.Do(t.Context(), control.B().Flushall().Build()).Error())
	text, err := json.Marshal(j)
	require.NoError(t, err)
	var (
		mu      sync.Mutex
		workers sync.WaitGroup
	)
	for range processes {
		workers.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess$", "-test.v")
			cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
			out, err := cmd.CombinedOutput()
			var one tally
			if _, found, ok := strings.Cut(string(out), "tally "); err != nil || !ok {
				t.Errorf("%v: %s", err, out)
			} else if err := json.NewDecoder(strings.NewReader(found)).Decode(&one); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(one)
		})
	}
	const pause = 2 * time.Millisecond
	over := make(chan struct{})
	go func() {
		workers.Wait()
		close(over)
	}()
	for {
		select {
		case <-over:
			return sum
		case <-time.After(pause):
			for _, command := range harm {
				require.NoError(t, control.Do(t.Context(), control.B().Arbitrary(command...).Build()).Error())
			}
		}
	}
}

// TestProcesses shares a quota and a bucket among processes. While the server keeps
// forgetting its scripts, exactly the quota is admitted. While the server also cuts
// connections, at most the quota is admitted, and only charges with an unknown outcome
// are lost.
func TestProcesses(t *testing.T) {
	longtest.Only(t)
	addr := redistest.Start(t)
	const runs, limit, bucketFor = 6, int64(sharedQuota), time.Second
	flush, kill := []string{"SCRIPT", "FLUSH"}, []string{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}
	day := job{URL: "redis://" + addr, Subject: "all", Meter: quota}
	day.Meter.Max = limit
	for i := range runs {
		sum := crowd(t, addr, day, flush)
		require.EqualValues(t, limit, sum.Admitted, "run %d", i)
		require.Zero(t, sum.Unknown, "run %d", i)
	}
	t.Logf("%d runs of %d processes: %d of %d admitted in each", runs, processes, limit, limit)
	for range 2 {
		sum := crowd(t, addr, day, flush, kill)
		t.Logf("connections cut: %d admitted, %d unknown, of %d", sum.Admitted, sum.Unknown, limit)
		require.LessOrEqual(t, sum.Admitted, limit)
		require.GreaterOrEqual(t, sum.Admitted+sum.Unknown, limit)
	}
	fast := job{URL: "redis://" + addr, Subject: "all", For: bucketFor,
		Meter: store.Meter{Name: "throttle", Max: sharedBurst, Rate: store.Rate{Tokens: 1, Per: 1_000_000 / sharedRate}}}
	for _, harm := range [][][]string{{flush}, {flush, kill}} {
		sum := crowd(t, addr, fast, harm...)
		most := sharedBurst + sharedRate*sum.Ended.Sub(sum.Began).Seconds()
		t.Logf("bucket: %d admitted, %d unknown, of at most %.0f", sum.Admitted, sum.Unknown, most)
		require.LessOrEqual(t, float64(sum.Admitted), most)
		if len(harm) == 1 {
			require.Greater(t, float64(sum.Admitted), 0.7*most)
		}
	}
}

// TestMonitor watches every command that a client sends. In steady state that is only the
// script: one call for a decision of a single caller, and fewer calls than decisions for
// many callers.
func TestMonitor(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	decide := func(callers, each int) {
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range each {
					c := store.NewCharge("a", 1, throttle, quota, record)
					if err := s.Take(t.Context(), c); err != nil || !c.OK {
						t.Error(err, c.OK)
					}
				}
			})
		}
		wg.Wait()
	}
	decide(64, 10)
	decide(1, 10) // now there are connections, and the server knows the scripts
	for _, test := range []struct{ callers, each, most int }{{1, 500, 500}, {64, 50, 3200}} {
		sent := monitor(t, addr, func() { decide(test.callers, test.each) })
		calls := sent["evalsha"]
		delete(sent, "evalsha")
		assert.Empty(t, sent)
		assert.LessOrEqual(t, calls, test.most)
		if test.callers == 1 {
			assert.Equal(t, test.most, calls)
		}
		t.Logf("%d callers: %.3f calls for a decision", test.callers, float64(calls)/float64(test.callers*test.each))
	}
}

// monitor counts each command that clients send while f runs. Commands of scripts do not
// count.
func monitor(t *testing.T, addr string, f func()) map[string]int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("MONITOR\r\n"))
	require.NoError(t, err)
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<22)
	require.True(t, lines.Scan(), lines.Err())
	var wg sync.WaitGroup
	defer wg.Wait() // the server reports the end before it answers
	wg.Go(func() {
		f()
		end := single(t, addr)
		assert.NoError(t, end.Do(t.Context(), end.B().Echo().Message("the end").Build()).Error())
	})
	sent := map[string]int{}
	for lines.Scan() {
		// +1700000000.000000 [0 127.0.0.1:1234] "evalsha" ...
		_, rest, _ := strings.Cut(lines.Text(), "[")
		from, rest, _ := strings.Cut(rest, "] \"")
		command, args, _ := strings.Cut(rest, "\"")
		switch command = strings.ToLower(command); {
		case strings.HasSuffix(from, " lua"):
		case strings.Contains(args, "the end"):
			return sent
		case command == "hello" || command == "client": // of the connection that marks the end
		default:
			sent[command]++
		}
	}
	require.NoError(t, lines.Err())
	return sent
}
