package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

const (
	processes, goroutines = 4, 8
	sharedQuota           = 10_000
)

const dsnVariable = "RATION_TEST_DSN"

// TestProcess is a process of TestProcesses. It does nothing by itself.
func TestProcess(t *testing.T) {
	dsn, told := os.LookupEnv(dsnVariable)
	if !told {
		t.Skip("for TestProcesses")
	}
	s := open(t, dial(t, dsn))
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for {
				c := store.NewCharge("key", 1, sharedMeters()...)
				if err := s.Take(t.Context(), c); err != nil {
					t.Error(err)
					return
				}
				if !c.OK {
					return
				}
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Printf("admitted=%d\n", admitted.Load())
}

func sharedMeters() []store.Meter {
	return []store.Meter{{Name: "quota", Max: sharedQuota, End: 1 << 40}, {Name: "use", Max: store.Unlimited, End: 1 << 40}}
}

// TestProcesses has four processes share a quota. Together they are admitted exactly as
// often as it allows.
func TestProcesses(t *testing.T) {
	t.Parallel()
	runs := 3
	if os.Getenv("RATION_MANY_ROUNDS") != "" {
		runs = 10
	}
	s := migrated(t)
	for run := range runs {
		emptied(t, s)
		total := 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range processes {
			wg.Go(func() {
				n, err := runProcess(s.pool.Config().ConnString())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				total += n
			})
		}
		wg.Wait()
		require.Equal(t, sharedQuota, total, "run %d", run)
		require.EqualValues(t, sharedQuota, value[int64](t, s, "SELECT used FROM ration_windows WHERE name = 'use'"))
	}
}

// runProcess runs TestProcess in a process of its own, and returns how often it was
// admitted.
func runProcess(dsn string) (admitted int, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), dsnVariable+"="+dsn)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "admitted=")
	text, _, _ = strings.Cut(text, "\n")
	return strconv.Atoi(text)
}
