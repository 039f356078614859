package sqlite_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// manyRounds is the variable that has the tests of several processes run many times.
const manyRounds = "RATION_MANY_ROUNDS"

// rounds returns how often a test of processes repeats.
func rounds(few, many int) int {
	if os.Getenv(manyRounds) != "" {
		return many
	}
	return few
}

// job tells a process to charge subjects in turn, from several goroutines. It writes a
// byte for each charge that was answered and admitted: the index of the subject. It ends
// when all subjects refuse.
type job struct {
	Path     string
	Sync     sqlite.Sync
	Subjects []string
	Meters   []store.Meter // one for each subject
}

const (
	jobVariable = "RATION_TEST_JOB"
	goroutines  = 8
)

// TestProcess is a process of the tests below. It does nothing by itself.
func TestProcess(t *testing.T) {
	text, told := os.LookupEnv(jobVariable)
	if !told {
		t.Skip("for the tests of several processes")
	}
	var j job
	require.NoError(t, json.Unmarshal([]byte(text), &j))
	s, err := sqlite.Open(j.Path, sqlite.Config{Sync: j.Sync, Busy: time.Minute})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() { j.charge(t, s) })
	}
	wg.Wait()
	require.NoError(t, s.Close())
	os.Exit(0) // without the summary of the test, which would be taken for answers
}

func (j *job) charge(t *testing.T, s *sqlite.Store) {
	for open := true; open; {
		open = false
		for i, subject := range j.Subjects {
			c := store.NewCharge(subject, 1, j.Meters[i])
			if err := s.Take(t.Context(), c); err != nil {
				t.Error(err)
				return
			}
			if !c.OK {
				continue
			}
			open = true
			if _, err := os.Stdout.Write([]byte{'0' + byte(i)}); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// process is a running job.
type process struct {
	*exec.Cmd
	out *bufio.Reader
}

func start(t *testing.T, j job) process {
	t.Helper()
	text, err := json.Marshal(j)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestProcess$")
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return process{cmd, bufio.NewReader(out)}
}

// count adds to tally the next answers of p, at most so many. It returns io.EOF at the
// end.
func (p *process) count(tally []int64, most int) error {
	for range most {
		b, err := p.out.ReadByte()
		if err != nil {
			return err
		}
		i := int(b) - '0'
		if i < 0 || i >= len(tally) {
			rest, _ := io.ReadAll(p.out)
			return errors.New("the process says: " + string(b) + string(rest))
		}
		tally[i]++
	}
	return nil
}

const endless = int(^uint(0) >> 1)

// TestProcesses lets four processes charge one quota through one file, until it is used
// up: exactly the quota is admitted.
func TestProcesses(t *testing.T) {
	t.Parallel()
	const processes, quota = 4, 10_000
	for range rounds(1, 10) {
		path := filepath.Join(folder(t), "ration.db")
		j := job{Path: path, Subjects: []string{"key"}, Meters: []store.Meter{{Name: "day", Max: quota, Start: 1, End: 86401}}}
		var tallies [processes][1]int64
		var wg sync.WaitGroup
		for i := range processes {
			p := start(t, j)
			wg.Go(func() {
				if err := p.count(tallies[i][:], endless); err != io.EOF {
					t.Error(err)
				}
				if err := p.Wait(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sum := int64(0)
		for _, tally := range tallies {
			sum += tally[0]
		}
		require.Equal(t, int64(quota), sum, "%v", tallies)
		t.Log("admitted by each process:", tallies)
		s := open(t, path, sqlite.Config{})
		require.Equal(t, int64(quota), used(t, s, "key", j.Meters[0]))
	}
}

// used reads the Used of a meter.
func used(t testing.TB, s store.Counter, subject string, m store.Meter) int64 {
	t.Helper()
	c := store.NewCharge(subject, 0, m)
	require.NoError(t, s.Take(t.Context(), c))
	return c.Parts[0].Levels[0].Used
}

// TestKilled kills a process again and again while it charges. What it has answered is in
// the file, and no limit is exceeded.
func TestKilled(t *testing.T) {
	t.Parallel()
	cycles := rounds(5, 200)
	path := filepath.Join(t.TempDir(), "ration.db")
	watcher := open(t, path, sqlite.Config{})
	limit := int64(30 * cycles)
	j := job{Path: path, Subjects: []string{"unlimited", "limited"}, Meters: []store.Meter{
		{Name: "use", Max: store.Unlimited, Start: 1, End: 86401}, {Name: "day", Max: limit, Start: 1, End: 86401},
	}}
	answered := make([]int64, 2)
	for cycle := range cycles {
		p := start(t, j)
		require.NoError(t, p.count(answered, 1+97*cycle%200))
		require.NoError(t, p.Process.Kill())
		require.ErrorIs(t, p.count(answered, endless), io.EOF)
		require.Error(t, p.Wait(), "the process was not killed")

		unanswered := int64((cycle + 1) * goroutines)
		for i, subject := range j.Subjects {
			n := used(t, watcher, subject, j.Meters[i])
			require.GreaterOrEqual(t, n, answered[i], "cycle %d: %s: an answered charge is lost", cycle, subject)
			require.LessOrEqual(t, n, answered[i]+unanswered, "cycle %d: %s", cycle, subject)
			require.LessOrEqual(t, n, j.Meters[i].Max, "cycle %d: %s", cycle, subject)
		}
	}
	require.NoError(t, watcher.Verify(t.Context()))
	t.Logf("%d cycles: %d and %d of %d charges were answered", cycles, answered[0], answered[1], limit)
}
