package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
)

const clientSecret = "a-secret-that-clients-have"

// declaration declares a key for clientSecret with a quota.
func declaration(perDay int) string {
	digest, _ := apikey.DigestOf(clientSecret).MarshalText()
	return fmt.Sprintf("plans: [{id: p, name: P%d, quotas: [%d/day]}]\nkeys: [{id: k, enabled: true, digest: %q}]\nlinks: [{planId: p, keyId: k}]\n", perDay, perDay, digest)
}

// write replaces a file at once, as a careful editor does.
func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// TestPlansFaults does not start with a file that has faults, and shows all of them.
// Nothing of the file is applied.
func TestPlansFaults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	write(t, path, "plans: [{id: good, quotas: [1/day]}, {id: p, throtle: 5/s}, {id: q, quotas: [1/hour, 1/hours]}]\nlinks: [{planId: none, keyId: none}]\n")
	db := "sqlite:" + filepath.Join(t.TempDir(), "ration.db")
	err := run(t.Context(), onFreePorts([]string{"-store", db, "-plans", path}), io.Discard, io.Discard)
	for _, fault := range []string{
		path + ":1:46: plans[1].throtle: unknown member: did you mean throttle?",
		path + `:1:86: plans[2].quotas[1]: quota "1/hours": period: "hours": want minute`,
		path + `:2:18: links[0].planId: "none": no such plan: want one of the file or of the store`,
		path + `:2:31: links[0].keyId: "none": no such key: want one of the file or of the store`,
	} {
		require.ErrorContains(t, err, fault)
	}
	write(t, path, "")
	require.ErrorContains(t, run(t.Context(), onFreePorts([]string{"-plans", path, "-plans-prune"}), io.Discard, io.Discard), path+":1:1: empty")
	require.ErrorContains(t, run(t.Context(), onFreePorts([]string{"-plans", path + "x"}), io.Discard, io.Discard), "no such file")
	require.ErrorContains(t, run(t.Context(), onFreePorts([]string{"-plans-prune"}), io.Discard, io.Discard), "-plans-prune: want -plans, too")

	gw := start(t, "-store", db)
	require.Empty(t, gw.aws("get-usage-plans")["items"])
}

// TestPlansReload changes the file of a gateway that runs. A file with faults changes
// nothing, and its faults are logged.
func TestPlansReload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	write(t, path, declaration(3))
	gw := start(t, "-plans", path)
	name := func() any { return gw.aws("get-usage-plan --usage-plan-id p")["name"] }
	require.Equal(t, "P3", name())
	require.Equal(t, map[string]int{"pass": 3, `{"message":"Limit Exceeded"}`: 1}, gw.crowd(clientSecret, 4))

	since := loaded(t, gw, 1)

	write(t, path, declaration(5)+"keyz: []\nrules: []\n")
	require.Eventually(t, func() bool {
		logs := gw.logs.String()
		return strings.Contains(logs, "plans.yaml:4:1: keyz: unknown member: did you mean keys?") && strings.Contains(logs, "plans.yaml:5:1: rules: unknown member")
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, "P3", name())
	require.Equal(t, since, loaded(t, gw, 0), "the time is that of the last success")

	write(t, path, declaration(5))
	require.Eventually(t, func() bool {
		return strings.Contains(gw.logs.String(), "actor=\"plans "+path+"\" action=update kind=plan id=p before.name=P3")
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, map[string]int{"pass": 2, `{"message":"Limit Exceeded"}`: 1}, gw.crowd(clientSecret, 3)) // 3 of 5 are used
	require.Greater(t, loaded(t, gw, 1), since)
	require.NoError(t, gw.stop())
}

// loaded waits until the metrics say whether the file was applied, and returns when it
// last was.
func loaded(t *testing.T, gw *running, ok int) (at float64) {
	t.Helper()
	var text string
	require.Eventually(t, func() bool {
		_, text = ask(t, "GET", gw.control+"/metrics")
		return strings.Contains(text, fmt.Sprintf("\ngateway_plans_last_load_successful %d\n", ok))
	}, 10*time.Second, 10*time.Millisecond)
	_, text, _ = strings.Cut(text, "\ngateway_plans_last_load_success_timestamp_seconds ")
	_, err := fmt.Sscan(text, &at)
	require.NoError(t, err)
	return at
}

// TestPlansAtOnce starts gateways at the same time, in processes of their own over one
// Redis and with one file. All of them start, and together they admit what the file
// allows, also after a change of the file that all of them see.
func TestPlansAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	text := declaration(30)
	for i := range 40 { // more to collide on
		text = strings.Replace(text, "plans: [", fmt.Sprintf("plans: [{id: p%d, quotas: [%d/day]}, ", i, i), 1)
	}
	write(t, path, text)
	store := "redis://" + redistest.Start(t)
	bin := program(t)
	gateways, processes := make([]*running, 4), make([]*os.Process, 4)
	var wg sync.WaitGroup
	for i := range gateways {
		wg.Go(func() { gateways[i], processes[i] = process(t, bin, "-store", store, "-plans", path) })
	}
	wg.Wait()
	pass := func(n int) (admitted int) {
		for i := range n {
			status, _ := gateways[i%len(gateways)].get(clientSecret)
			if status == http.StatusOK {
				admitted++
			}
		}
		return admitted
	}
	require.Equal(t, 30, pass(40))

	write(t, path, strings.Replace(text, "name: P30, quotas: [30/day]", "name: P36, quotas: [36/day]", 1))
	for _, p := range processes {
		require.NoError(t, p.Signal(syscall.SIGHUP))
	}
	admitted := 0
	require.Eventually(t, func() bool { admitted += pass(4); return admitted >= 6 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 6, admitted+pass(20))
	for _, gw := range gateways {
		require.NoError(t, gw.stop())
	}
	out, err := exec.Command("go", "run", "./plans", "diff", "-store", store, "-prune", path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no changes")
}
