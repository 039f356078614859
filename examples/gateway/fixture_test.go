package main

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/internal/longtest"
)

// TestMain has tests wait beside one another: most of them wait for the aws command.
func TestMain(m *testing.M) {
	longtest.Parallel(4)
	m.Run()
}

// running is a gateway and its addresses.
type running struct {
	t             testing.TB
	data, control string
	health        string       // empty without an address of its own
	stop          func() error // stops the gateway and drains it
	logs          logs
}

// logs holds what a gateway of this process has logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a gateway in this process.
func start(t testing.TB, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, in := io.Pipe()
	done := make(chan error, 1)
	r := &running{t: t}
	go func() {
		err := run(ctx, onFreePorts(args), in, &r.logs)
		in.CloseWithError(err)
		done <- err
	}()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = r.stop() })
	r.ready(out)
	return r
}

func onFreePorts(args []string) []string {
	return append([]string{"-data", "127.0.0.1:0", "-control", "127.0.0.1:0"}, args...)
}

// ready waits for the line with the gateway's addresses.
func (r *running) ready(out io.Reader) {
	r.t.Helper()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(r.t, err)
	words := strings.Fields(line)
	require.GreaterOrEqual(r.t, len(words), 6, line)
	r.data, r.control = words[3], words[5]
	if len(words) > 6 {
		r.health = words[7]
	}
}

// program builds the gateway.
func program(t testing.TB) string {
	t.Helper()
	path := t.TempDir() + "/gateway"
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// process runs a gateway in a process of its own, which ends with the test at the latest.
func process(t testing.TB, program string, args ...string) (*running, *os.Process) {
	t.Helper()
	cmd := exec.Command(program, onFreePorts(args)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	r := &running{t: t}
	r.stop = sync.OnceValue(func() error { _ = cmd.Process.Signal(syscall.SIGTERM); return cmd.Wait() })
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = r.stop() })
	r.ready(out)
	return r, cmd.Process
}

// aws runs a command that must succeed. The words of line are separated by blanks, and
// more words follow them.
func (r *running) aws(line string, more ...string) map[string]any {
	r.t.Helper()
	out, err := awstest.Run(r.t, r.control, append(strings.Fields(line), more...)...)
	require.NoError(r.t, err)
	return out
}

// settings are the fields of a plan in the control plane's JSON.
type settings = map[string]any

// perDay returns the settings of a plan with a quota a day.
func perDay(limit int) settings {
	return settings{"quota": settings{"limit": limit, "period": "DAY"}}
}

// plan creates a plan and a key in it. It returns their ids and the key's value.
func (r *running) plan(of settings) (planID, keyID, value string) {
	r.t.Helper()
	of = maps.Clone(of)
	of["name"] = "my-usage-plan"
	key := awstest.Post(r.t, r.control, "/apikeys", map[string]any{"name": "my-api-key", "enabled": true})
	plan := awstest.Post(r.t, r.control, "/usageplans", of)
	planID, keyID = plan["id"].(string), key["id"].(string)
	awstest.Post(r.t, r.control, "/usageplans/"+planID+"/keys", map[string]any{"keyId": keyID, "keyType": "API_KEY"})
	return planID, keyID, key["value"].(string)
}

// get sends a request with a key.
func (r *running) get(value string) (status int, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.data+"/", nil)
	require.NoError(r.t, err)
	req.Header.Set("X-Api-Key", value)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, strings.TrimSpace(string(text))
}

// crowd sends n requests, 32 at a time, and counts the answers by status and body.
// Admitted requests count as "pass".
func (r *running) crowd(value string, n int) map[string]int {
	r.t.Helper()
	var mu sync.Mutex
	counts := map[string]int{}
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range work {
				status, body := r.get(value)
				if status == http.StatusOK {
					body = "pass"
				}
				mu.Lock()
				counts[body]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return counts
}

// usage returns what get-usage shows of a key for today: what was used and what remains.
func (r *running) usage(planID, keyID string) (used, remaining int) {
	r.t.Helper()
	today := time.Now().UTC().Format(time.DateOnly)
	out := r.aws("get-usage", "--usage-plan-id", planID, "--start-date", today, "--end-date", today)
	pair := out["items"].(map[string]any)[keyID].([]any)[0].([]any)
	return int(pair[0].(float64)), int(pair[1].(float64))
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
