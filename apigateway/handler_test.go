package apigateway_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// stores has all interfaces of a store.
type stores interface {
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	store.Counter
}

// harness is a control plane over a store, with a Seal that shows secrets again, and a
// client that is accepted.
type harness struct {
	t     *testing.T
	st    stores
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate
	h     *apigateway.Handler
}

func newHarness(t *testing.T, change ...func(*parts)) *harness {
	return newHarnessOn(t, memory.New(memory.Config{}), change...)
}

// parts are the arguments of apigateway.New.
type parts struct {
	Gate         *gate.Gate
	Authenticate apigateway.Authenticator
	apigateway.Config
}

// accept is an Authenticator that accepts every request, and names no actor.
func accept(*http.Request) (history.Actor, error) { return history.Actor{}, nil }

// units are those of every harness. The protocol knows none of them.
var units = usageplan.Units{{Name: "tokens"}}

// newHarnessOn returns a harness on the given store.
func newHarnessOn(t *testing.T, st stores, change ...func(*parts)) *harness {
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(t, err)
	seal, err := cipher.NewGCM(block)
	require.NoError(t, err)
	h := &harness{t: t, st: st, keys: must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}, Seal: seal})), plans: must(usageplan.NewService(st, st, usageplan.Config{Units: units}))}
	h.gate = h.newGate(0)
	cfg := parts{Gate: h.gate, Authenticate: accept}
	for _, c := range change {
		c(&cfg)
	}
	h.h, err = apigateway.New(h.keys, h.plans, cfg.Gate, cfg.Authenticate, cfg.Config)
	require.NoError(t, err)
	return h
}

// newGate returns a Gate that keeps usage for the given time.
func (h *harness) newGate(keep time.Duration) *gate.Gate {
	g, err := gate.New(h.st, h.st, h.st, gate.Config{KeyFormat: apikey.Format{AcceptForeign: true}, Units: units, Keep: keep})
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = g.Close() })
	return g
}

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(name string) string { return fmt.Sprint(a.body[name]) }

// send sends a request, "METHOD path", with a JSON body.
func (h *harness) send(what, body string) (a answer) {
	h.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(body)))
	a.status, a.header = w.Code, w.Header()
	if w.Body.Len() > 0 {
		require.NoError(h.t, json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&a.body), w.Body.String())
	}
	return a
}

// ok sends a request and checks the status of the answer.
func (h *harness) ok(status int, what, body string) answer {
	h.t.Helper()
	a := h.send(what, body)
	require.Equal(h.t, status, a.status, "%s: %v", what, a.body)
	return a
}

func patch(ops ...string) string {
	var list []string
	for _, op := range ops {
		parts := strings.SplitN(op, " ", 3)
		if len(parts) == 2 {
			parts = append(parts, "")
		}
		value, _ := json.Marshal(parts[2])
		list = append(list, fmt.Sprintf(`{"op":%q,"path":%q,"value":%s}`, parts[0], parts[1], value))
	}
	return `{"patchOperations":[` + strings.Join(list, ",") + `]}`
}

// TestTutorial runs the four commands of the AWS tutorial with the real command line, and
// checks their effect.
func TestTutorial(t *testing.T) {
	t.Parallel()
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "test", id == "test", nil }, sigv4.Config{})
	require.NoError(t, err)
	h := newHarness(t, func(cfg *parts) { cfg.Authenticate = apigateway.Signed(verifier) })
	server := httptest.NewServer(h.h)
	defer server.Close()
	run := func(line string, more ...string) map[string]any {
		t.Helper()
		out, err := awstest.Run(t, server.URL, append(strings.Fields(line), more...)...)
		require.NoError(t, err)
		return out
	}
	key := run("create-api-key --name my-api-key --enabled")
	plan := run("create-usage-plan --name my-usage-plan --throttle burstLimit=100,rateLimit=50 --quota limit=1000,period=DAY")
	planID, keyID := plan["id"].(string), key["id"].(string)
	run("create-usage-plan-key --key-type API_KEY", "--usage-plan-id", planID, "--key-id", keyID)
	plans := run("get-usage-plans")
	require.Len(t, plans["items"], 1)

	secret := apikey.Secret(key["value"].(string))
	for range 3 {
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
		require.True(t, d.Allowed)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	usage := run("get-usage", "--usage-plan-id", planID, "--start-date", today, "--end-date", today)
	require.Equal(t, map[string]any{keyID: []any{[]any{3.0, 997.0}}}, usage["items"])
	usage = run("update-usage", "--usage-plan-id", planID, "--key-id", keyID, "--patch-operations", "op=replace,path=/remaining,value=5000")
	require.Equal(t, map[string]any{keyID: []any{[]any{3.0, 5000.0}}}, usage["items"])

	run("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/enabled,value=false")
	d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.Equal(t, gate.Disabled, d.Reason)
	run("delete-api-key", "--api-key", keyID)
	d, err = h.gate.Admit(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.Equal(t, gate.Unknown, d.Reason)
	_, err = awstest.Run(t, server.URL, "get-api-key", "--api-key", keyID)
	require.ErrorContains(t, err, "An error occurred (NotFoundException) when calling the GetApiKey operation: Invalid API Key identifier specified")
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
