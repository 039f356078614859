package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store/memory"
)

// TestFileStops checks that a gateway that is stopped loses nothing.
func TestFileStops(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ration.json")
	gw, _ := process(t, program(t), "-store", "file:"+path)
	planID, keyID, value := gw.plan(perDay(100))
	require.Equal(t, map[string]int{"pass": 30}, gw.crowd(value, 30))
	require.NoError(t, gw.stop(), "SIGTERM: exits 0")

	gw = start(t, "-store", "file:"+path)
	used, _ := gw.usage(planID, keyID)
	require.Equal(t, 30, used)
	require.Equal(t, map[string]int{"pass": 70, exceeded: 30}, gw.crowd(value, 100))
}

// TestFileKilled checks that a killed gateway loses no change, and no counts that were
// saved.
func TestFileKilled(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ration.json")
	gw, p := process(t, program(t), "-store", "file:"+path)
	planID, keyID, value := gw.plan(perDay(1000))
	gw.crowd(value, 30)
	require.Eventually(t, func() bool { // until another gateway would read the counts
		other := start(t, "-store", "file:"+copied(t, path))
		used, _ := other.usage(planID, keyID)
		require.NoError(t, other.stop())
		return used == 30
	}, time.Minute, 10*time.Millisecond)
	gw.crowd(value, 20)
	gw.aws("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/name,value=renamed")
	require.NoError(t, p.Kill())
	require.Error(t, gw.stop())

	gw = start(t, "-store", "file:"+path)
	require.Equal(t, "renamed", gw.aws("get-api-key", "--api-key", keyID)["name"])
	used, _ := gw.usage(planID, keyID)
	require.Equal(t, 50, used, "a change saves the counters too")
}

// TestFileLocked checks that a second gateway cannot use the file of the first. The
// temporary files of a killed gateway are removed, and no others.
func TestFileLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ration[1].json")
	spared := []string{".tmpl", ".tmp", ".tmp.bak", ".tmp12a", "x.tmp12"}
	for _, end := range append(spared, ".tmp123") {
		require.NoError(t, os.WriteFile(path+end, nil, 0o600))
	}
	require.NoError(t, os.Mkdir(path+".tmp9", 0o700))
	gw := start(t, "-store", "file:"+path)
	require.NoFileExists(t, path+".tmp123")
	for _, end := range spared {
		require.FileExists(t, path+end)
	}
	require.DirExists(t, path+".tmp9")
	err := run(t.Context(), onFreePorts([]string{"-store", "file:" + path}), io.Discard, io.Discard)
	require.ErrorContains(t, err, "another gateway uses the file")
	require.NoError(t, gw.stop())
	require.NoError(t, start(t, "-store", "file:"+path).stop())
}

// TestFileFails checks that a change that cannot be saved is answered with an error, and
// is saved later.
func TestFileFails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	require.NoError(t, os.Mkdir(dir, 0o700))
	gw := start(t, "-store", "file:"+filepath.Join(dir, "ration.json"))
	require.NoError(t, os.Rename(dir, dir+"-away"))
	_, err := awstest.Run(t, gw.control, "create-api-key", "--name", "k")
	require.ErrorContains(t, err, "InternalFailure")
	require.ErrorContains(t, err, "could not be saved")
	require.NoError(t, os.Rename(dir+"-away", dir))
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "ration.json"))
		return err == nil && bytes.Contains(text, []byte(`"name":"k"`))
	}, time.Minute, 10*time.Millisecond)
	require.Len(t, gw.aws("get-api-keys")["items"], 1, "it was not tried again")
}

// TestFileRefused checks that a refused request saves nothing, whether its sender is
// authenticated or not.
func TestFileRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "ration.json")
	gw := start(t, "-store", "file:"+path)
	before, err := os.Stat(path)
	require.NoError(t, err)
	unsigned := func() (int, string) {
		resp, err := http.Post(gw.control+"/apikeys", "application/json", strings.NewReader(`{"name":"k"}`))
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	status, _ := unsigned()
	require.Equal(t, http.StatusForbidden, status)
	_, err = awstest.Run(t, gw.control, "delete-api-key", "--api-key", "nobodys")
	require.ErrorContains(t, err, "NotFoundException")
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "not replaced")

	require.NoError(t, os.Rename(dir, dir+"-away"))
	status, body := unsigned()
	require.Equal(t, http.StatusForbidden, status, body)
	require.NoError(t, os.Rename(dir+"-away", dir))
}

// TestFileHalfWay checks that what a failed request has changed is saved all the same.
func TestFileHalfWay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ration.json")
	st, err := open("file:"+path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { st.run(ctx); close(done) }()
	h := st.file.changing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, err := must(apikey.NewService(st.backend, apikey.Config{})).Create(r.Context(), apikey.Key{ID: "half-way"})
		require.NoError(t, err)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "POST", "/", nil))
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && bytes.Contains(text, []byte("half-way"))
	}, time.Minute, 10*time.Millisecond)
	stop()
	<-done
	require.NoError(t, st.close())
}

// TestFileSlow checks that requests are saved while they are in flight.
func TestFileSlow(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer upstream.Close()
	path := filepath.Join(t.TempDir(), "ration.json")
	gw := start(t, "-store", "file:"+path, "-upstream", upstream.URL)
	_, _, value := gw.plan(perDay(100))
	var wg sync.WaitGroup
	wg.Go(func() { require.Equal(t, map[string]int{"pass": 32}, gw.crowd(value, 32)) })
	require.Eventually(t, func() bool {
		st, err := memory.Load(copied(t, path), memory.Config{})
		require.NoError(t, err)
		return st.Stats().Subjects == 1
	}, time.Minute, 10*time.Millisecond)
	close(hold)
	wg.Wait()
}
