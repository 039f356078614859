package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/internal/redistest"
)

const (
	throttled   = `{"message":"Too Many Requests"}`
	exceeded    = `{"message":"Limit Exceeded"}`
	forbidden   = `{"message":"Forbidden"}`
	unavailable = `{"message":"Service Unavailable"}`
)

// TestTutorial runs the commands of the AWS tutorial, and checks what a client sees.
func TestTutorial(t *testing.T) {
	t.Parallel()
	gw := start(t)
	key := gw.aws("create-api-key --name my-api-key --enabled")
	plan := gw.aws("create-usage-plan --name my-usage-plan --throttle burstLimit=100,rateLimit=50 --quota limit=1000,period=DAY")
	planID, keyID, value := plan["id"].(string), key["id"].(string), key["value"].(string)
	status, body := gw.get(value)
	require.Equal(t, http.StatusForbidden, status)
	require.Equal(t, forbidden, body)
	gw.aws("create-usage-plan-key --key-type API_KEY", "--usage-plan-id", planID, "--key-id", keyID)
	require.Len(t, gw.aws("get-usage-plans")["items"], 1)

	began := time.Now()
	counts := gw.crowd(value, 400)
	most := 100 + int(50*time.Since(began).Seconds()) + 1
	t.Logf("400 at once: %v in %v", counts, time.Since(began))
	require.GreaterOrEqual(t, counts["pass"], 100)
	require.LessOrEqual(t, counts["pass"], most)
	require.Equal(t, 400, counts["pass"]+counts[throttled])
	passed := counts["pass"]

	gw.aws("update-usage-plan", "--usage-plan-id", planID, "--patch-operations", "op=replace,path=/throttle/rateLimit,value=10000", "op=replace,path=/throttle/burstLimit,value=5000")
	for passed < 1000 {
		counts = gw.crowd(value, 200)
		passed += counts["pass"]
		require.Equal(t, 200, counts["pass"]+counts[exceeded]+counts[throttled], counts)
	}
	require.Equal(t, 1000, passed)
	status, body = gw.get(value)
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, exceeded, body)
	used, remaining := gw.usage(planID, keyID)
	require.Equal(t, []int{1000, 0}, []int{used, remaining})

	gw.aws("update-usage", "--usage-plan-id", planID, "--key-id", keyID, "--patch-operations", "op=replace,path=/remaining,value=5")
	require.Equal(t, map[string]int{"pass": 5, exceeded: 5}, gw.crowd(value, 10))
	gw.aws("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/enabled,value=false")
	require.Equal(t, map[string]int{forbidden: 1}, gw.crowd(value, 1))
	gw.aws("delete-api-key", "--api-key", keyID)
	_, err := awstest.Run(t, gw.control, "get-api-key", "--api-key", keyID)
	require.ErrorContains(t, err, "NotFoundException")
	require.NoError(t, gw.stop())
}

// TestSeal checks that values are shown again with -seal, also after a restart.
func TestSeal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seal, path := filepath.Join(dir, "seal"), filepath.Join(dir, "ration.db")
	require.NoError(t, os.WriteFile(seal, []byte("0123456789abcdef0123456789abcdef"), 0o600))
	gw := start(t, "-store", "sqlite:"+path, "-seal", seal)
	_, keyID, value := gw.plan(settings{})
	require.NoError(t, gw.stop())
	for _, file := range []string{path, path + "-wal"} {
		text, err := os.ReadFile(file)
		require.True(t, err == nil || errors.Is(err, fs.ErrNotExist), err)
		require.NotContains(t, string(text), value)
	}
	for args, want := range map[string]any{"-seal " + seal: value, "": nil} {
		gw := start(t, append(strings.Fields(args), "-store", "sqlite:"+path)...)
		require.Equal(t, want, gw.aws("get-api-key --include-value --api-key " + keyID)["value"])
		require.NoError(t, gw.stop())
	}
}

// TestRedisShared checks that gateways on one Redis enforce one allowance.
func TestRedisShared(t *testing.T) {
	t.Parallel()
	url := "redis://" + redistest.Start(t)
	one, two := start(t, "-store", url), start(t, "-store", url)
	planID, keyID, value := one.plan(perDay(300))
	var counts [2]map[string]int
	var wg sync.WaitGroup
	for i, gw := range []*running{one, two} {
		wg.Go(func() { counts[i] = gw.crowd(value, 250) })
	}
	wg.Wait()
	// On a busy machine an answer of Redis may come too late. Its request may have been
	// charged, but was not admitted.
	passed, late := counts[0]["pass"]+counts[1]["pass"], counts[0][unavailable]+counts[1][unavailable]
	require.LessOrEqual(t, passed, 300, counts)
	require.GreaterOrEqual(t, passed+late, 300, counts)
	require.Equal(t, 500, passed+late+counts[0][exceeded]+counts[1][exceeded], counts)
	require.Positive(t, counts[0]["pass"])
	require.Positive(t, counts[1]["pass"])
	used, remaining := two.usage(planID, keyID)
	require.Equal(t, []int{300, 0}, []int{used, remaining})
	two.aws("update-usage", "--usage-plan-id", planID, "--key-id", keyID, "--patch-operations", "op=replace,path=/remaining,value=1")
	require.Equal(t, map[string]int{"pass": 1, exceeded: 1}, one.crowd(value, 2))
	one.aws("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/enabled,value=false")
	require.Eventually(t, func() bool { return two.crowd(value, 1)[forbidden] == 1 }, 5*time.Second, time.Millisecond)
}

// TestRedisComesLater checks that a gateway starts while its Redis is down, answers with
// a 503, and recovers.
func TestRedisComesLater(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "redis")
	gw := start(t, "-store", "unix://"+socket)
	status, body := gw.get("a-value-of-somebody-who-asks")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, unavailable, body)

	redistest.Start(t, "--unixsocket", socket)
	require.Eventually(t, func() bool {
		status, _ := gw.get("a-value-of-somebody-who-asks")
		return status == http.StatusForbidden
	}, 10*time.Second, 10*time.Millisecond)
	_, _, value := gw.plan(perDay(3))
	require.Equal(t, map[string]int{"pass": 3, exceeded: 1}, gw.crowd(value, 4))
}

// TestUpstream checks that the upstream is told the key and the plan, but not the secret.
// A client cannot forge these fields.
func TestUpstream(t *testing.T) {
	t.Parallel()
	var got http.Header
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		fmt.Fprint(w, "hello from ", r.URL.Path)
	}))
	defer upstream.Close()
	gw := start(t, "-upstream", upstream.URL+"/base", "-api", "pets", "-stage", "prod", "-route", "GET /cats", "-style", "problem")
	slow := settings{"rateLimit": 0.001, "burstLimit": 1}
	planID, keyID, value := gw.plan(settings{
		"throttle":  settings{"rateLimit": 100, "burstLimit": 100},
		"apiStages": []settings{{"apiId": "pets", "stage": "prod", "throttle": settings{"/cats/GET": slow}}},
	})
	ask := func(path string) (int, string, http.Header) {
		req, err := http.NewRequest("GET", gw.data+path, nil)
		require.NoError(t, err)
		req.Header.Set("X-Api-Key", value)
		req.Header.Set("X-Ration-Key", "forged")
		req.Header["X_Ration_key"] = []string{"forged"}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body), resp.Header
	}
	status, body, header := ask("/dogs")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "hello from /base/dogs", body)
	require.Equal(t, `"throttle";r=99;t=1`, header.Get("RateLimit"))
	require.Equal(t, []string{keyID}, got["X-Ration-Key"])
	require.Equal(t, []string{planID}, got["X-Ration-Plan"])
	require.Empty(t, got["X-Api-Key"])
	require.NotContains(t, fmt.Sprint(got), "forged")
	require.Equal(t, "127.0.0.1", got.Get("X-Forwarded-For"))

	status, _, _ = ask("/cats")
	require.Equal(t, http.StatusOK, status)
	status, body, header = ask("/cats")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "application/problem+json", header.Get("Content-Type"))
	require.Contains(t, body, "throttle pets:prod GET /cats")
	_, err := awstest.Run(t, gw.control, "create-usage-plan", "--name", "p", "--api-stages", "apiId=other,stage=prod")
	require.ErrorContains(t, err, "API Stage not found: other:prod")
	upstream.Close()
	status, _, _ = ask("/dogs")
	require.Equal(t, http.StatusBadGateway, status)
}

// TestFlags checks that the error reports every faulty flag.
func TestFlags(t *testing.T) {
	for line, want := range map[string][]string{
		"-control 0.0.0.0:8081":                    {"is not on the loopback: want -credentials"},
		"-control :8081":                           {"is not on the loopback: want -credentials"},
		"-control example.com:80":                  {"is not on the loopback"},
		"-credentials admin":                       {"-credentials: want ID:SECRET"},
		"-credentials :secret":                     {"-credentials: want ID:SECRET"},
		"-upstream localhost -style x -api y":      {`-upstream: want http://HOST`, `-style "x": want aws or problem`, `-api "y", -stage "": want both or neither`},
		"more":                                     {`["more"]: want only flags`},
		"-store paper":                             {`-store: want memory, sqlite:PATH, postgres://... or redis://HOST:PORT`},
		"-store sqlite:":                           {"-store"},
		"-store file:/tmp/ration.json":             {"-store: want memory"},
		"-store postgres://u:secret@:x/":           {"-store: want postgres://"},
		"-store postgres://u:secret@127.0.0.1:1/d": {"-store: ", "127.0.0.1"},
		"-lease":                            {"-lease: -store memory: want another store"},
		"-lease -style y":                   {"-lease: -store memory: want", `-style "y"`},
		"-store sqlite:/nowhere/at/all":     {"/nowhere/at"},
		"-store redis://user:secret@:bad":   {"url"},
		"-route bad{":                       {`-route "bad{": in lower case: `},
		"-nonsense":                         {"-nonsense"},
		"-data 256.0.0.1:1":                 {"-data: ", "256.0.0.1"},
		"-control 127.0.0.1:99999":          {"-control: ", "99999"},
		"-upstream http://user:secret@host": {"-upstream: want http://HOST"},
		"-upstream http://host:secret":      {"-upstream: want http://HOST"},
		"-upstream http://:80":              {"-upstream: want http://HOST"},
		"-upstream ftp://host":              {"-upstream: want http://HOST"},
		"-upstream http://host:99999":       {"-upstream: port"},
		"-api a:b -stage c":                 {"without ':' and '/'"},
		"-api a -stage b/c":                 {"without ':' and '/'"},
		"-seal /dev/zero":                   {"-seal /dev/zero: want exactly 32 bytes"},
		"-seal /dev/null":                   {"-seal /dev/null: want exactly 32 bytes"},
		"-seal /nowhere":                    {"-seal"},
		"-tag-keys /dev/null":               {"-tag-keys /dev/null: ", "tagKeys: 0: want 1 to 8"},
		"-tag-keys /dev/zero":               {"-tag-keys /dev/zero: ", "tagKeys: line 1: want a key in base64"},
		"-tag-keys /nowhere":                {"-tag-keys"},
		"-store http://user:secret@host":    {"-store"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), onFreePorts(strings.Fields(line)), &out, io.Discard)
		require.Error(t, err, line)
		for _, text := range want {
			require.ErrorContains(t, err, text, line)
		}
		require.NotContains(t, err.Error(), "secret")
		require.Empty(t, out.String(), line)
	}
	cfg, err := parse(strings.Fields("-control 0.0.0.0:1 -credentials admin:a:b"), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "a:b", cfg.secret)
	t.Setenv("RATION_CREDENTIALS", "admin:from-the-environment")
	cfg, err = parse(nil, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "from-the-environment", cfg.secret)
	var help bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, io.Discard, &help), flag.ErrHelp)
	require.NotContains(t, help.String(), "from-the-environment")
	require.Contains(t, help.String(), "keep every change and every count that was answered")
}
