package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/pgtest"
)

// rounds returns how often a gateway is killed: a few times, or more often in long runs.
func rounds() int {
	if os.Getenv("RATION_MANY_ROUNDS") != "" {
		return 50
	}
	return 3
}

// TestSQLiteKilled kills a gateway under load (kill -9), again and again. Nothing that
// was answered is lost, and no limit is exceeded.
func TestSQLiteKilled(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	const limit = 100_000
	path := "sqlite:" + filepath.Join(t.TempDir(), "ration.db")
	program := program(t)
	gw, p := process(t, program, "-store", path)
	planID, keyID, value := gw.plan(perDay(limit))
	passed, sent := int64(0), int64(0)
	for range rounds() {
		ok, all := killed(t, gw, p, value)
		passed, sent = passed+ok, sent+all
		gw, p = process(t, program, "-store", path)
		used, _ := gw.usage(planID, keyID)
		require.GreaterOrEqual(t, int64(used), passed, "every request that passed is counted")
		require.LessOrEqual(t, int64(used), sent)
	}
	require.Positive(t, passed)
	gw.aws("update-usage", "--usage-plan-id", planID, "--key-id", keyID, "--patch-operations", "op=replace,path=/remaining,value=7")
	gw.aws("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/name,value=renamed")
	require.NoError(t, p.Kill())
	require.Error(t, gw.stop())

	gw, _ = process(t, program, "-store", path)
	require.Equal(t, "renamed", gw.aws("get-api-key", "--api-key", keyID)["name"])
	require.Equal(t, map[string]int{"pass": 7, exceeded: 3}, gw.crowd(value, 10))
}

// killed sends requests until the gateway is killed, which is after some hundred have
// passed. It returns how many passed, and how many were sent.
func killed(t *testing.T, gw *running, p *os.Process, value string) (passed, sent int64) {
	t.Helper()
	var ok, all atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				req, err := http.NewRequest("GET", gw.data+"/", nil)
				if err != nil {
					panic(err)
				}
				req.Header.Set("X-Api-Key", value)
				all.Add(1)
				resp, err := client.Do(req)
				if err != nil {
					return // it is dead
				}
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK && ok.Add(1) == 300 {
					_ = p.Kill()
				}
			}
		})
	}
	wg.Wait()
	require.Error(t, gw.stop())
	return ok.Load(), all.Load()
}

// TestSQLiteStops checks that a gateway that is stopped and one that goes on share a
// file.
func TestSQLiteStops(t *testing.T) {
	t.Parallel()
	path := "sqlite:" + filepath.Join(t.TempDir(), "ration [1]?#%.db")
	one, two := start(t, "-store", path), start(t, "-store", path)
	planID, keyID, value := one.plan(perDay(100))
	require.Equal(t, map[string]int{"pass": 30}, one.crowd(value, 30))
	require.NoError(t, one.stop())
	used, _ := two.usage(planID, keyID)
	require.Equal(t, 30, used)
	require.Equal(t, map[string]int{"pass": 70, exceeded: 30}, two.crowd(value, 100))
}

// TestPostgresShared checks that gateways on one PostgreSQL enforce one allowance, with
// and without leases, and hear of changes.
func TestPostgresShared(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).Database(t)
	one, two := start(t, "-store", url), start(t, "-store", url)
	planID, keyID, value := one.plan(perDay(300))
	var wg sync.WaitGroup
	var counts [2]map[string]int
	for i, gw := range []*running{one, two} {
		wg.Go(func() { counts[i] = gw.crowd(value, 250) })
	}
	wg.Wait()
	passed, late := counts[0]["pass"]+counts[1]["pass"], counts[0][unavailable]+counts[1][unavailable]
	require.LessOrEqual(t, passed, 300, counts)
	require.GreaterOrEqual(t, passed+late, 300, counts)
	used, remaining := two.usage(planID, keyID)
	require.Equal(t, []int{300, 0}, []int{used, remaining})
	one.aws("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/enabled,value=false")
	require.Eventually(t, func() bool { return two.crowd(value, 1)[forbidden] == 1 }, 5*time.Second, time.Millisecond)
	for _, gw := range []*running{one, two} {
		require.NoError(t, gw.stop())
	}

	leasing := start(t, "-store", url, "-lease")
	planID, keyID, value = leasing.plan(perDay(1_000_000))
	passed = leasing.crowd(value, 500)["pass"]
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, leasing.stop())
	used, _ = start(t, "-store", url).usage(planID, keyID)
	require.Equal(t, passed, used)
	require.False(t, strings.Contains(leasing.logs.String(), "postgres://"))
}
