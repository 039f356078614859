package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// An organisation has two teams of three keys each. Each of these payers has a quota and
// a record. A charge costs at most largestCost.
const (
	orgQuota, teamQuota, keyQuota = 10_000, 6_000, 3_000
	teams, members                = 2, 6
	largestCost                   = 5
	joinQuota                     = 1_000
)

// familyJob tells a process what to charge.
type familyJob struct {
	URL   string
	Scale int64 // divides every quota
	Joins bool  // charges a key that joins the organisation meanwhile
	Deaf  bool  // does not hear of that
	Seed  uint64
}

// familyTally is what became of the charges.
type familyTally struct{ Admitted, Unknown, NotTaken int64 }

const familyJobVariable = "RATION_TEST_FAMILY_JOB"

// TestFamilyProcess is a process of TestFamily and TestJoin. It does nothing by itself.
func TestFamilyProcess(t *testing.T) {
	text, told := os.LookupEnv(familyJobVariable)
	if !told {
		t.Skip("for TestFamily and TestJoin")
	}
	var j familyJob
	require.NoError(t, json.Unmarshal([]byte(text), &j))
	s, err := Open(j.URL, Config{})
	require.NoError(t, err)
	defer s.Close()
	var sum familyTally
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(j.Seed, uint64(i)))
			if j.Joins {
				j.join(t, s, &sum)
			} else {
				j.share(t, s, rnd, &sum)
			}
		})
	}
	wg.Wait()
	out, err := json.Marshal(sum)
	require.NoError(t, err)
	fmt.Printf("tally %s\n", out)
}

// payer returns a part: units of a quota of limit, and of the record.
func payer(subject string, limit, n int64) store.Part {
	day := quota
	day.Max = limit
	return store.NewPart(subject, n, day, record)
}

// familyCharge returns a charge of n units of a key, its team and the organisation.
func familyCharge(key int, n, scale int64) *store.Charge {
	return &store.Charge{Parts: []store.Part{
		payer(fmt.Sprintf("acme>key-%d", key), keyQuota/scale, n),
		payer(fmt.Sprintf("acme>team-%d", key%teams), teamQuota/scale, n),
		payer("acme", orgQuota/scale, n),
	}}
}

// share charges random keys until hardly anything fits.
func (j *familyJob) share(t *testing.T, s *Store, rnd *rand.Rand, sum *familyTally) {
	began := time.Now()
	for refused := 0; refused < 50 && time.Since(began) < time.Minute; {
		n := 1 + rnd.Int64N(largestCost)
		c := familyCharge(rnd.IntN(members), n, j.Scale)
		switch ok, err := j.take(t, s, c, n, sum); {
		case err != nil:
		case ok:
			refused = 0
		default:
			refused++
		}
	}
}

// take makes a charge of n units, and counts what became of it.
func (j *familyJob) take(t *testing.T, s *Store, c *store.Charge, n int64, sum *familyTally) (bool, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := s.Take(ctx, c)
	switch {
	case errors.Is(err, store.ErrNotTaken):
		atomic.AddInt64(&sum.NotTaken, 1)
	case err != nil:
		atomic.AddInt64(&sum.Unknown, n)
	case c.OK:
		atomic.AddInt64(&sum.Admitted, n)
	}
	return c.OK, err
}

// join charges a key until its quota is used up. When the key has moved, the organisation
// pays, too. A process that hears reads where the key is before each charge, and leaves
// some of the quota for the time after.
func (j *familyJob) join(t *testing.T, s *Store, sum *familyTally) {
	subject := "key-7"
	l, err := s.connected(t.Context())
	require.NoError(t, err)
	began := time.Now()
	for refused := 0; refused < 20 && time.Since(began) < time.Minute; {
		if !j.Deaf {
			to, err := l.client.Do(t.Context(), l.client.B().Get().Key("joined").Build()).ToString()
			switch {
			case err == nil:
				subject = to
			case atomic.LoadInt64(&sum.Admitted) > joinQuota/16:
				continue
			}
		}
		c := &store.Charge{Parts: []store.Part{payer(subject, joinQuota, 1)}}
		if family := store.Family(subject); family != subject {
			c.Parts = append(c.Parts, payer(family, 1<<40, 1))
		}
		ok, err := j.take(t, s, c, 1, sum)
		var moved *store.MovedError
		switch {
		case errors.As(err, &moved):
			subject = moved.To
		case err == nil && !ok:
			refused++
		}
	}
}

// runFamily runs the job in n processes, and during meanwhile, again and again.
func runFamily(t *testing.T, n int, job func(i int) familyJob, during func()) (sum familyTally) {
	t.Helper()
	var mu sync.Mutex
	var workers sync.WaitGroup
	for i := range n {
		text, err := json.Marshal(job(i))
		require.NoError(t, err)
		workers.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFamilyProcess$", "-test.v")
			cmd.Env = append(os.Environ(), familyJobVariable+"="+string(text))
			out, err := cmd.CombinedOutput()
			var one familyTally
			if _, found, ok := strings.Cut(string(out), "tally "); err != nil || !ok {
				t.Errorf("%v: %s", err, out)
			} else if err := json.NewDecoder(strings.NewReader(found)).Decode(&one); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Admitted += one.Admitted
			sum.Unknown += one.Unknown
			sum.NotTaken += one.NotTaken
		})
	}
	over := make(chan struct{})
	go func() {
		workers.Wait()
		close(over)
	}()
	for {
		select {
		case <-over:
			return sum
		case <-time.After(5 * time.Millisecond):
			during()
		}
	}
}

// requireExact checks what the store counted against what the processes were told.
func requireExact(t *testing.T, s *Store, sum familyTally, scale int64) {
	t.Helper()
	read := func(subject string, limit int64) (used, recorded int64) {
		p := payer(subject, limit/scale, 0)
		require.NoError(t, s.Take(t.Context(), &store.Charge{Parts: []store.Part{p}}))
		require.LessOrEqual(t, p.Levels[0].Used, limit/scale, "quota of %q", subject)
		require.Equal(t, p.Levels[0].Used, p.Levels[1].Used, "quota and record of %q", subject)
		return p.Levels[0].Used, p.Levels[1].Used
	}
	org, _ := read("acme", orgQuota)
	byTeam := [teams]int64{}
	for key := range members {
		used, _ := read(fmt.Sprintf("acme>key-%d", key), keyQuota)
		byTeam[key%teams] += used
	}
	all := int64(0)
	for team := range teams {
		used, _ := read(fmt.Sprintf("acme>team-%d", team), teamQuota)
		require.Equal(t, byTeam[team], used, "the keys of team %d", team)
		all += used
	}
	require.Equal(t, org, all, "the teams")
	require.Greater(t, org, orgQuota/scale-largestCost)
	require.GreaterOrEqual(t, org, sum.Admitted)
	require.LessOrEqual(t, org, sum.Admitted+sum.Unknown)
	t.Logf("%d of %d used, %d admitted, %d unknown, %d calls not taken", org, orgQuota/scale, sum.Admitted, sum.Unknown, sum.NotTaken)
}

// TestFamily has four processes of eight goroutines charge a key, its team and the
// organisation at once, while the server forgets its scripts and cuts connections. No
// payer exceeds its limit, and the payers agree with one another.
func TestFamily(t *testing.T) {
	t.Parallel()
	runs, scale := 10, int64(1)
	if !longtest.Enabled() {
		runs, scale = 1, 10
	}
	server := redistest.Start(t)
	control := single(t, server) // is not killed
	s := newStore(t, control, decisionScripts)
	do := func(words ...string) {
		require.NoError(t, control.Do(t.Context(), control.B().Arbitrary(words...).Build()).Error())
	}
	for run := range runs {
		do("FLUSHALL")
		kills := 0
		sum := runFamily(t, processes, func(i int) familyJob {
			return familyJob{URL: "redis://" + server, Scale: scale, Seed: uint64(run*processes + i)}
		}, func() {
			do("SCRIPT", "FLUSH")
			if kills++; kills%20 == 0 {
				do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			}
		})
		requireExact(t, s, sum, scale)
	}
}

// TestFamilyInCluster does the same in a Cluster while the slot of the family moves.
// Decisions may fail then with ErrNotTaken. None counts twice. The nodes forget their
// scripts, too, and cut no connections.
func TestFamilyInCluster(t *testing.T) {
	t.Parallel()
	runs, scale := 10, int64(1)
	if !longtest.Enabled() {
		runs, scale = 1, 20
	}
	rig, s := onCluster(t)
	slot := rig.Slot(t, s.key("acme"))
	var controls []rueidis.Client // one of each node
	for _, addr := range rig.Addrs {
		controls = append(controls, single(t, addr))
	}
	for run := range runs {
		flushAll(t, s)
		moves := 0
		sum := runFamily(t, processes, func(i int) familyJob {
			url := "redis://" + rig.Addrs[0] + "?addr=" + strings.Join(rig.Addrs[1:], "&addr=")
			return familyJob{URL: url, Scale: scale, Seed: uint64(run*processes + i)}
		}, func() {
			if moves < 20 {
				rig.Migrate(t, slot)
				moves++
			}
			for _, node := range controls {
				require.NoError(t, node.Do(t.Context(), node.B().ScriptFlush().Build()).Error())
			}
		})
		t.Logf("%d moves of the slot", moves)
		requireExact(t, s, sum, scale)
	}
}

// TestJoin moves a key into an organisation while eight processes charge it. One of them
// hears of nothing, and follows the error. Exactly the key's quota is admitted. In the
// Cluster the key moves from slot to slot.
func TestJoin(t *testing.T) {
	t.Parallel()
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		addr := redistest.Start(t)
		join(t, "redis://"+addr, newStore(t, single(t, addr), decisionScripts))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		rig, s := onCluster(t)
		require.NotEqual(t, slotOf(s.key("key-7")), slotOf(s.key("acme")))
		join(t, "redis://"+rig.Addrs[0]+"?addr="+strings.Join(rig.Addrs[1:], "&addr="), s)
	})
}

func join(t *testing.T, url string, s *Store) {
	t.Helper()
	const askers = 8
	runs := 10
	if !longtest.Enabled() {
		runs = 1
	}
	client := s.link.Load().client
	late := 0 // runs in which a busy machine moved the key when everything was used
	for run := 0; run < runs; run++ {
		flushAll(t, s)
		joined := false
		sum := runFamily(t, askers, func(i int) familyJob {
			return familyJob{URL: url, Joins: true, Deaf: i == 0, Seed: uint64(run*askers + i)}
		}, func() {
			if joined || used(t, s, "key-7") < joinQuota/4 {
				return
			}
			require.NoError(t, s.Take(t.Context(), moveOf("key-7", "acme>key-7")))
			require.NoError(t, client.Do(t.Context(), client.B().Set().Key("joined").Value("acme>key-7").Build()).Error())
			joined = true
		})
		require.True(t, joined)
		require.EqualValues(t, joinQuota, sum.Admitted)
		require.EqualValues(t, joinQuota, used(t, s, "acme>key-7"))
		require.Zero(t, sum.Unknown)
		paid := used(t, s, "acme")
		if paid == 0 && late < runs {
			late++
			run--
			continue
		}
		require.Positive(t, paid, "the organisation paid for the rest")
		require.Less(t, paid, int64(joinQuota))
		t.Logf("%d before the key joined, %d after, %d calls told where it is", joinQuota-paid, paid, sum.NotTaken)
	}
}
