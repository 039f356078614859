package middleware_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestAnswers checks the status, header fields and body for each way in which a request
// can end. The bubble begins at midnight.
func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, good := h.key(&usageplan.Plan{Throttle: throttle(0.5, 2), Quotas: perDay(3)})
		_, unlinked := h.key(nil)
		_, blocked := h.key(&usageplan.Plan{Throttle: &limiter.Limit{}, Quotas: perDay(3)})
		protected := h.middleware(middleware.Config{}).Handler(ok)
		const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

		for _, step := range []struct {
			after       time.Duration
			what        string
			secret      string
			status      int
			retry       string
			policy      string
			limits      string
			problemType string
			violated    []any
		}{
			{0, "one", good, 200, "", `"throttle";q=2;w=4, "day";q=3;w=86400`, `"throttle";r=1;t=2, "day";r=2;t=86400`, "", nil},
			{0, "two", good, 200, "", `"throttle";q=2;w=4, "day";q=3;w=86400`, `"throttle";r=0;t=2, "day";r=1;t=86400`, "", nil},
			{500 * time.Millisecond, "no token", good, 429, "2", `"throttle";q=2;w=4, "day";q=3;w=86400`,
				`"throttle";r=0;t=2, "day";r=1`, quotaExceeded, []any{"throttle"}},
			{1500 * time.Millisecond, "a token", good, 200, "", `"throttle";q=2;w=4, "day";q=3;w=86400`,
				`"throttle";r=0;t=2, "day";r=0;t=86398`, "", nil},
			{0, "throttle and quota", good, 429, "86398", `"throttle";q=2;w=4, "day";q=3;w=86400`,
				`"throttle";r=0;t=2, "day";r=0;t=86398`, quotaExceeded, []any{"throttle", "day"}},
			{4 * time.Second, "the quota alone", good, 429, "86394", `"throttle";q=2;w=4, "day";q=3;w=86400`,
				`"throttle";r=2, "day";r=0;t=86394`, quotaExceeded, []any{"day"}},
			{0, "a plan that blocks", blocked, 403, "", `"throttle";q=0, "day";q=3;w=86400`,
				`"throttle";r=0, "day";r=3`, "about:blank", []any{"throttle"}},
			{0, "no plan", unlinked, 403, "", "", "", "about:blank", nil},
			{0, "unknown", "acme_unknown", 401, "", "", "", "about:blank", nil},
		} {
			time.Sleep(step.after)
			w := serve(protected, with(step.secret))
			assert.Equal(t, step.status, w.Code, step.what)
			assert.Equal(t, step.retry, w.Header().Get("Retry-After"), step.what)
			assert.Equal(t, step.policy, w.Header().Get("RateLimit-Policy"), step.what)
			assert.Equal(t, step.limits, w.Header().Get("RateLimit"), step.what)
			if step.status == 200 {
				assert.Empty(t, w.Header().Get("Cache-Control"), step.what)
				assert.Empty(t, w.Body.String(), step.what)
				continue
			}
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), step.what)
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), step.what)
			assert.Equal(t, step.status == 401, w.Header().Get("WWW-Authenticate") != "", step.what)
			var body map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), step.what)
			assert.Equal(t, step.problemType, body["type"], step.what)
			assert.EqualValues(t, step.status, body["status"], step.what)
			assert.NotEmpty(t, body["title"], step.what)
			assert.NotEmpty(t, body["detail"], step.what)
			if step.violated == nil {
				assert.NotContains(t, body, "violated-policies", step.what)
			} else {
				assert.Equal(t, step.violated, body["violated-policies"], step.what)
			}
		}
	})
}

// TestUnauthorizedIsOneAnswer checks that the answers to all bad keys are equal in every
// byte. Only what the request itself shows makes a difference: whether it has no
// credential, one, or several (RFC 6750 section 3.1).
func TestUnauthorizedIsOneAnswer(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	_, good := h.key(&usageplan.Plan{})
	disabled, off := h.key(&usageplan.Plan{Quotas: perDay(1)})
	_, err := h.keys.Disable(ctx, disabled.ID)
	require.NoError(t, err)
	expired, late := h.key(&usageplan.Plan{})
	_, err = h.keys.Expire(ctx, expired.ID, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	stranger, err := apikey.Format{Prefix: "acme"}.New()
	require.NoError(t, err)
	mw := h.middleware(middleware.Config{Realm: `a "pet" shop`})
	protected, usage := mw.Handler(ok), must(mw.Usage(middleware.UsageConfig{}))

	const challenge = `Bearer realm="a \"pet\" shop"`
	for _, group := range []struct {
		status            int
		challenge, detail string
		requests          map[string]*http.Request
	}{
		{401, challenge, "A valid API key is required.", map[string]*http.Request{
			"none":              request("GET", "/"),
			"another scheme":    request("GET", "/", "Authorization", "Basic "+good),
			"a longer scheme":   request("GET", "/", "Authorization", "Bearerx "+good),
			"no space":          request("GET", "/", "Authorization", "Bearer"+good),
			"tab":               request("GET", "/", "Authorization", "Bearer\t"+good),
			"in the URL":        request("GET", "/?key="+good+"&api_key="+good+"&access_token="+good),
			"in the URL's user": request("GET", "http://x:"+good+"@example.com/"),
		}},
		{401, challenge + `, error="invalid_token"`, "A valid API key is required.", map[string]*http.Request{
			"unknown":                      with(string(stranger)),
			"disabled":                     with(off),
			"expired":                      with(late),
			"wrong checksum":               with(good[:len(good)-1] + "_"),
			"empty":                        with(""),
			"trailing":                     with(good + " x"),
			"control character":            with(good + "\x00"),
			"not ASCII":                    with("é" + good),
			"10 kB":                        with(strings.Repeat("x", 10_000)),
			"one good, one malformed":      request("GET", "/", "Authorization", "Bearer "+good, "X-API-Key", "\x7f"),
			"disabled, and its quota used": with(off),
		}},
		{400, challenge + `, error="invalid_request"`, "The request has more than one API key.", map[string]*http.Request{
			"twice":             request("GET", "/", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good),
			"X-API-Key twice":   request("GET", "/", "X-API-Key", good, "X-API-Key", "x"),
			"both ways":         request("GET", "/", "Authorization", "Bearer "+good, "X-API-Key", good),
			"two that are bad":  request("GET", "/", "Authorization", "Bearer x", "X-API-Key", off),
			"one good, one bad": request("GET", "/", "Authorization", "Bearer x", "X-API-Key", good),
		}},
	} {
		body := fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"detail":%q}`, http.StatusText(group.status), group.status, group.detail)
		header := http.Header{
			"Cache-Control":    {"no-store"},
			"Content-Length":   {strconv.Itoa(len(body))},
			"Content-Type":     {"application/problem+json"},
			"Www-Authenticate": {group.challenge},
		}
		for what, r := range group.requests {
			for _, handler := range []http.Handler{protected, usage} {
				w := serve(handler, r)
				assert.Equal(t, group.status, w.Code, what)
				assert.Equal(t, header, w.Header(), what)
				assert.Equal(t, body, w.Body.String(), what)
			}
		}
	}
	for what, r := range map[string]*http.Request{
		"bearer":                        request("GET", "/", "Authorization", "bearer "+good),
		"X-API-Key":                     request("GET", "/", "X-API-Key", good),
		"X-API-Key beside other scheme": request("GET", "/", "X-API-Key", good, "Authorization", "Basic eDp5"),
		"empty X-API-Key beside Bearer": request("GET", "/", "X-API-Key", "", "Authorization", "Bearer "+good),
	} {
		assert.Equal(t, 200, status(protected, r), what)
	}
}

// TestRetryAfter waits exactly as long as Retry-After says, as the only client. The
// request is admitted then, and not a second earlier.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{
			Throttle: throttle(0.3, 2),
			Quotas:   []quota.Quota{{Limit: 3, Period: quota.Minute}, {Limit: 50, Period: quota.Hour}},
		})
		protected := h.middleware(middleware.Config{}).Handler(ok)
		refusals := 0
		for range 400 {
			w := serve(protected, with(secret))
			if w.Code == 200 {
				continue
			}
			refusals++
			wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
			require.NoError(t, err)
			limits, err := parseList(w.Header().Get("RateLimit"))
			require.NoError(t, err)
			for _, l := range limits {
				if l.params["r"] == 0 {
					require.LessOrEqual(t, l.params["t"], int64(wait))
				}
			}
			time.Sleep(time.Duration(wait) * time.Second)
			w = serve(protected, with(secret))
			require.Equal(t, 200, w.Code, "after %d s", wait)
			time.Sleep(137 * time.Millisecond)
		}
		require.Greater(t, refusals, 100)
	})
}

// TestUsedUpForEver checks a service whose limits are used up for ever.
func TestUsedUpForEver(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.Counter = storetest.Never() })
	_, secret := h.key(&usageplan.Plan{Throttle: throttle(1, 5)})
	require.Equal(t, 429, status(h.middleware(middleware.Config{}).Handler(ok), with(secret)))
}

// TestCheck uses a Result as another framework does.
func TestCheck(t *testing.T) {
	h := newFixture(t)
	key, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mw := h.middleware(middleware.Config{})
	first := mw.Check(with(secret))
	require.True(t, first.Allowed())
	require.NoError(t, first.Err)
	require.Equal(t, key.ID, first.Decision.Key.ID)
	second := mw.Check(with(secret))
	require.False(t, second.Allowed())
	require.Equal(t, gate.QuotaExceeded, second.Decision.Reason)
	require.Equal(t, 429, second.Status)
	require.NoError(t, h.gate.Refund(t.Context(), &first.Decision))
	require.True(t, mw.Check(with(secret)).Allowed())
	header := http.Header{}
	second.WriteHeaders(header)
	require.NotEmpty(t, header.Get("Retry-After"))
	require.Empty(t, header.Get("Content-Type"), "the body is the caller's")
}

// TestContext checks what the next handler finds in the context.
func TestContext(t *testing.T) {
	h := newFixture(t)
	key, secret := h.key(&usageplan.Plan{})
	calls := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		calls++
		k, ok := middleware.KeyFromContext(r.Context())
		require.True(t, ok)
		require.Equal(t, key.ID, k.ID)
		d, ok := middleware.DecisionFromContext(r.Context())
		require.True(t, ok)
		require.Equal(t, gate.Admitted, d.Reason)
		require.NotNil(t, d.Plan)
	})
	mux.HandleFunc("/public", func(_ http.ResponseWriter, r *http.Request) {
		calls++
		_, ok := middleware.KeyFromContext(r.Context())
		require.False(t, ok)
		_, ok = middleware.DecisionFromContext(r.Context())
		require.False(t, ok)
	})
	protected := h.middleware(middleware.Config{Public: []string{"/public"}}).Handler(mux)
	require.Equal(t, 200, status(protected, with(secret)))
	require.Equal(t, 200, status(protected, request("GET", "/public")))
	require.Equal(t, 2, calls)

	d := &gate.Decision{Outcome: gate.Outcome{Allowed: true}}
	ctx := middleware.NewContext(t.Context(), d)
	got, ok := middleware.DecisionFromContext(ctx)
	require.True(t, ok)
	require.Same(t, d, got)
	_, ok = middleware.KeyFromContext(ctx)
	require.False(t, ok, "a decision without a key")
}

// TestRefuse answers refusals by Config.Refuse.
func TestRefuse(t *testing.T) {
	h := newFixture(t)
	protected := h.middleware(middleware.Config{Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
		http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
		require.Equal(t, gate.Unknown, res.Decision.Reason)
	}}).Handler(ok)
	w := serve(protected, request("GET", "/"))
	require.Equal(t, 403, w.Code)
	require.Equal(t, "{\"message\":\"Forbidden\"}\n", w.Body.String())
	require.Empty(t, w.Header().Get("WWW-Authenticate"))
}

// TestLimitNames checks that a limit has the same name in the fields and in the problem
// details, whatever characters the name has.
func TestLimitNames(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{
		Routes: map[string]limiter.Limit{"/pëts/": {}},
		Quotas: []quota.Quota{{Name: `a "b" \c`, Limit: 0, Period: quota.Year}},
	})
	mux := http.NewServeMux()
	mux.Handle("/pëts/", ok)
	w := serve(h.middleware(middleware.Config{}).Handler(mux), request("GET", "/p%C3%ABts/7", "X-API-Key", secret))
	require.Equal(t, 403, w.Code)
	limits, err := parseList(w.Header().Get("RateLimit"))
	require.NoError(t, err)
	var body struct {
		Violated []string `json:"violated-policies"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.Equal(t, []string{"throttle /p%C3%ABts/", `a "b" \c`}, body.Violated)
	for i, name := range body.Violated {
		require.Equal(t, name, limits[i].name)
	}
}

// TestStage checks that the plan of one stage does not admit requests to another stage.
func TestStage(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Stages: []usageplan.Stage{{API: "orders", Name: "prod"}}})
	require.Equal(t, 200, status(h.middleware(middleware.Config{API: "orders", Stage: "prod"}).Handler(ok), with(secret)))
	require.Equal(t, 403, status(h.middleware(middleware.Config{API: "orders", Stage: "test"}).Handler(ok), with(secret)))
	require.Equal(t, 403, status(h.middleware(middleware.Config{}).Handler(ok), with(secret)))
}

// TestConfig checks that New reports all faults of a Config at once.
func TestConfig(t *testing.T) {
	_, err := middleware.New(nil, middleware.Config{
		API: "orders", XRateLimit: 7, Realm: "a\nb", BodyTimeout: -time.Second,
		Public: []string{"GET /ok", "typo", "", "GET /{x}/{x}"},
	})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	for _, want := range []string{"gate", "stage", "xRateLimit: 7", "bodyTimeout: -1s: want 0 or more", `realm: "a\nb"`, `public: "typo"`, `public: ""`, `"GET /{x}/{x}"`} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "GET /ok")
}
