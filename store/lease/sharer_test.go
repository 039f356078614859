//go:build unix

package lease_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/redis"
)

const (
	spenders = 4 // goroutines of each process

	// doneAfter is how long a process goes on after its last admission. A refusal is
	// remembered for one second, and an idle lease comes back within one second.
	doneAfter = 1500 * time.Millisecond
)

// A sharer tells a process what to spend. Its zero Burst is no pause at all.
type sharer struct {
	URL   string
	Cells string // the file that has the process's count
	Quota int64
	Burst int // the admissions of a goroutine between two pauses of a millisecond
}

const sharerVariable = "RATION_TEST_LEASE_SHARER"

// TestSharer is a process of TestProcesses. It does nothing by itself.
func TestSharer(t *testing.T) {
	text, told := os.LookupEnv(sharerVariable)
	if !told {
		t.Skip("for TestProcesses")
	}
	var s sharer
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	inner, err := redis.Open(s.URL, redis.Config{})
	require.NoError(t, err)
	defer inner.Close()
	counter, err := lease.New(inner, lease.Config{Timeout: 10 * time.Second})
	require.NoError(t, err)
	cells := mapCells(t, s.Cells)
	var (
		busy atomic.Int64 // when a call was not refused the last time, in Unix nanoseconds
		wg   sync.WaitGroup
	)
	busy.Store(time.Now().UnixNano())
	for i := range spenders {
		wg.Go(func() { s.spend(t.Context(), counter, cells[8*i:8*i+8], &busy) })
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, counter.Close(ctx))
}

// mapCells maps the file of a process's counts into memory. An admission counts once it
// is written there, which is one store to memory: the kernel keeps the page when the
// process is killed. So no admission on which a process acted is missing from the sum.
func mapCells(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	cells, err := syscall.Mmap(int(f.Fd()), 0, 8*spenders, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Munmap(cells)) })
	return cells
}

// spend charges the quota until the whole process has been refused for doneAfter.
func (s *sharer) spend(ctx context.Context, c store.Counter, cell []byte, busy *atomic.Int64) {
	charge := s.charge(1)
	for admitted := binary.LittleEndian.Uint64(cell); time.Now().UnixNano()-busy.Load() < doneAfter.Nanoseconds(); {
		n, refused := s.spendSome(ctx, c, charge, func() {
			admitted++
			binary.LittleEndian.PutUint64(cell, admitted)
		})
		if n > 0 || !refused {
			busy.Store(time.Now().UnixNano())
		}
		if refused || s.Burst > 0 {
			<-time.After(time.Millisecond)
		}
	}
}

// spendSome makes some charges, until one is refused or fails. It returns how many were
// admitted, and whether the last one was refused.
func (s *sharer) spendSome(ctx context.Context, c store.Counter, charge *store.Charge, admit func()) (n int, refused bool) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	most := s.Burst
	if most == 0 {
		most = 64
	}
	for ; n < most; n++ {
		charge.At = time.Now()
		if err := c.Take(ctx, charge); err != nil {
			<-time.After(time.Millisecond)
			return n, false
		}
		if !charge.OK {
			return n, true
		}
		admit()
	}
	return n, false
}

// charge returns a charge of n units of the quota and of the record. The window is the
// same for every process, whenever it starts.
func (s *sharer) charge(n int64) *store.Charge {
	window := store.Meter{Name: "day", Max: s.Quota, Start: 0, End: 1 << 40, Keep: 24 * time.Hour}
	record := window
	record.Name, record.Max = "use", store.Unlimited
	return store.NewCharge("acme", n, window, record)
}
