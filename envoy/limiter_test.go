package envoy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/envoy/internal/standin"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// call returns a call with one descriptor, whose entries are pairs of a name and a value.
func call(pairs ...string) *ratelimitv3.RateLimitRequest {
	return &ratelimitv3.RateLimitRequest{Domain: "api", Descriptors: standin.Descriptor(pairs...)}
}

// hits returns a call whose only descriptor has a hits_addend.
func hits(n uint64, pairs ...string) *ratelimitv3.RateLimitRequest {
	in := call(pairs...)
	standin.WithHits(n, in.Descriptors)
	return in
}

// fieldsIn returns the fields that are added to the answer for the client.
func fieldsIn(out *ratelimitv3.RateLimitResponse) map[string]string {
	all := map[string]string{}
	for _, h := range out.GetResponseHeadersToAdd() {
		all[h.GetKey()] += h.GetValue()
	}
	return all
}

// shown returns a status in a short form, such as "OK day 3 of 5/DAY in 10s".
func shown(s *ratelimitv3.RateLimitResponse_DescriptorStatus) string {
	if s.GetCurrentLimit() == nil {
		return s.GetCode().String()
	}
	l := s.GetCurrentLimit()
	text := fmt.Sprintf("%s %s %d of %d/%s", s.GetCode(), l.GetName(), s.GetLimitRemaining(), l.GetRequestsPerUnit(), l.GetUnit())
	if s.GetDurationUntilReset() != nil {
		text += " in " + s.GetDurationUntilReset().AsDuration().String()
	}
	return text
}

var inTokens = ration.Config{Units: usageplan.Units{{Name: "other"}, {Name: "tokens"}}}

// TestTimeline sends one call after another. The status says where the key stands.
func TestTimeline(t *testing.T) {
	const plan = `{"id": "free", "throttle": "30/m burst 2", "quotas": ["5/day"], "routes": {"GET /slow": "1/h"},
		"for": {"opus": {"quotas": ["1/month"]}}}`
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, plan, ration.Config{})
		l := s.limiter(t, envoy.LimiterConfig{})
		key := []string{"api_key", string(s.secret)}
		began := time.Now()
		for i, step := range []struct {
			at         time.Duration
			entries    []string
			want       string
			retryAfter string
			status     int // of the body
		}{
			{at: 0, entries: key, want: "OK throttle 1 of 30/MINUTE in 2s"},
			{at: 0, entries: key, want: "OK throttle 0 of 30/MINUTE in 4s"},
			{at: 0, entries: key, want: "OVER_LIMIT throttle 0 of 30/MINUTE in 2s", retryAfter: "2", status: 429},
			{at: 0, entries: append(key, "route", "GET /slow", "remote_address", "192.0.2.1"), want: "OK throttle GET /slow 0 of 1/HOUR in 1h0m0s"},
			{at: 2 * time.Second, entries: append(key, "class", "opus"), want: "OK opus month 0 of 1/MONTH in 743h59m58s"},
			{at: time.Minute, entries: append(key, "class", "opus"), want: "OVER_LIMIT opus month 0 of 1/MONTH in 743h59m0s", retryAfter: "2678340", status: 429},
			{at: time.Minute, entries: key, want: "OK day 0 of 5/DAY in 23h59m0s"},
			{at: time.Minute, entries: key, want: "OVER_LIMIT day 0 of 5/DAY in 23h59m0s", retryAfter: "86340", status: 429},
			{at: time.Minute, entries: []string{"key_id", s.key.ID}, want: "OVER_LIMIT day 0 of 5/DAY in 23h59m0s", retryAfter: "86340", status: 429},
			{at: time.Minute, entries: []string{"api_key", "garbage"}, want: "OVER_LIMIT", status: 401},
			{at: time.Minute, entries: []string{"key_id", "nobody"}, want: "OVER_LIMIT", status: 401},
			{at: time.Minute, entries: []string{"generic_key", "x"}, want: "OVER_LIMIT", status: 401},
			{at: time.Minute, entries: append(key, "key_id", s.key.ID), want: "OVER_LIMIT", status: 500},
			{at: 24 * time.Hour, entries: key, want: "OK throttle 1 of 30/MINUTE in 2s"},
		} {
			time.Sleep(time.Until(began.Add(step.at)))
			out, err := l.ShouldRateLimit(t.Context(), call(step.entries...))
			require.NoError(t, err)
			require.Equal(t, step.want, shown(out.GetStatuses()[0]), "step %d", i)
			require.Equal(t, out.GetStatuses()[0].GetCode(), out.GetOverallCode(), "step %d", i)
			fields := fieldsIn(out)
			require.Equal(t, step.retryAfter, fields["retry-after"], "step %d", i)
			if step.status == 0 {
				require.Empty(t, out.GetRawBody())
				require.NotEmpty(t, fields["ratelimit"])
				continue
			}
			require.Equal(t, "application/problem+json", fields["content-type"])
			require.Equal(t, "no-store", fields["cache-control"])
			var problem struct{ Status int }
			require.NoError(t, json.Unmarshal(out.GetRawBody(), &problem), "step %d", i)
			require.Equal(t, step.status, problem.Status, "step %d", i)
		}
	})
}

// TestRecordedCall asks what Envoy's filter asks.
func TestRecordedCall(t *testing.T) {
	s := newService(t, `{"id": "free", "routes": {"GET /reports": "7/m burst 3"}}`, ration.Config{})
	in := new(ratelimitv3.RateLimitRequest)
	recorded(t, "limit.json", string(s.secret), in)
	out, err := s.limiter(t, envoy.LimiterConfig{}).ShouldRateLimit(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "OK throttle GET /reports 2 of 7/MINUTE in 9s", shown(out.GetStatuses()[0]))
	require.Equal(t, map[string]any{"reason": "admitted", "key_id": s.key.ID, "customer_id": "Müller & Söhne", "plan_id": "free"}, out.GetDynamicMetadata().AsMap())
}

// TestHits charges hits of a unit: estimates, none, and those that are known when the
// response is over.
func TestHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, `{"id": "free", "quotas": ["100 tokens/day", "4/day"]}`, inTokens)
		l := s.limiter(t, envoy.LimiterConfig{HitsUnit: "tokens"})
		key := []string{"api_key", string(s.secret)}
		late := append(key, "late", "true")
		whole := call(key...)
		whole.HitsAddend = 10
		for i, step := range []struct {
			in                 *ratelimitv3.RateLimitRequest
			ok                 bool
			tokens, ofRequests int64 // used
		}{
			{call(key...), true, 1, 1},
			{whole, true, 11, 2},
			{hits(20, key...), true, 31, 3},
			{hits(70, key...), false, 31, 3}, // does not fit, and charges nothing
			{hits(0, key...), true, 31, 4},
			{hits(60, late...), true, 91, 4}, // the requests are used up, and the answer was given
			{hits(0, late...), true, 91, 4},
			{hits(30, late...), true, 121, 4}, // above the limit
			{hits(0, key...), false, 121, 4},  // no hit is left
			{hits(5, late...), true, 126, 4},
			{hits(5, "api_key", "garbage", "late", ""), false, 126, 4},
			{hits(5, "api_key", "garbage", "late", "true"), false, 126, 4},
		} {
			out, err := l.ShouldRateLimit(t.Context(), step.in)
			require.NoError(t, err)
			require.Equal(t, step.ok, out.GetOverallCode() == ratelimitv3.RateLimitResponse_OK, "step %d: %v", i, out)
			d, err := s.Gate.Peek(t.Context(), gate.Request{Secret: s.secret})
			require.NoError(t, err)
			require.Equal(t, step.tokens, d.Level(0).Used, "step %d", i)
			require.Equal(t, step.ofRequests, d.Level(1).Used, "step %d", i)
		}
	})
}

// TestHitsOfRequests takes hits for requests where no unit is named. More than one cannot
// be decided, and is refused instead of being taken for one.
func TestHitsOfRequests(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{})
	var log bytes.Buffer
	l := s.limiter(t, envoy.LimiterConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	key := []string{"api_key", string(s.secret)}
	negative := hits(1, key...)
	negative.Descriptors[0].IsNegativeHits = true
	for i, step := range []struct {
		in   *ratelimitv3.RateLimitRequest
		want string
		log  string
	}{
		{in: hits(1, key...), want: "OK day 4 of 5/DAY"},
		{in: hits(0, key...), want: "OK day 4 of 5/DAY"},
		{in: hits(2, key...), want: "OVER_LIMIT", log: "hits_addend: 2: want 0 or 1, or LimiterConfig.HitsUnit"},
		{in: hits(1<<63, key...), want: "OVER_LIMIT"},
		{in: negative, want: "OVER_LIMIT"},
		{in: hits(1, append(key, "late", "true")...), want: "OVER_LIMIT"},
		{in: hits(1, key...), want: "OK day 3 of 5/DAY"},
	} {
		out, err := l.ShouldRateLimit(t.Context(), step.in)
		require.NoError(t, err)
		got, _, _ := strings.Cut(shown(out.GetStatuses()[0]), " in ")
		require.Equal(t, step.want, got, "step %d", i)
		require.Contains(t, log.String(), step.log)
	}
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log.String())
}

// TestSeveral sends several descriptors. All of them fit, or none is charged.
func TestSeveral(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["3/day"]}`, ration.Config{})
	key, secret, err := s.Issue(t.Context(), "free", "another")
	require.NoError(t, err)
	l := s.limiter(t, envoy.LimiterConfig{})
	used := func(id string) int64 {
		d, err := s.Gate.Peek(t.Context(), gate.Request{KeyID: id})
		require.NoError(t, err)
		return d.Level(0).Used
	}
	one, other := call("api_key", string(s.secret)).Descriptors[0], call("api_key", string(secret)).Descriptors[0]
	for i, step := range []struct {
		descriptors []*commonv3.RateLimitDescriptor
		want        []string
		used, more  int64
	}{
		{[]*commonv3.RateLimitDescriptor{one, other}, []string{"OK day 2 of 3/DAY", "OK day 2 of 3/DAY"}, 1, 1},
		{[]*commonv3.RateLimitDescriptor{one, one}, []string{"OK day 1 of 3/DAY", "OK day 0 of 3/DAY"}, 3, 1},
		{[]*commonv3.RateLimitDescriptor{other, one, other}, []string{"OK day 1 of 3/DAY", "OVER_LIMIT day 0 of 3/DAY", "OK day 1 of 3/DAY"}, 3, 1},
		{[]*commonv3.RateLimitDescriptor{other}, []string{"OK day 1 of 3/DAY"}, 3, 2},
		{nil, nil, 3, 2},
	} {
		out, err := l.ShouldRateLimit(t.Context(), &ratelimitv3.RateLimitRequest{Domain: "api", Descriptors: step.descriptors})
		require.NoError(t, err)
		var got []string
		refused := len(step.descriptors) == 0
		for _, st := range out.GetStatuses() {
			text, _, _ := strings.Cut(shown(st), " in ")
			got = append(got, text)
			refused = refused || strings.HasPrefix(text, "OVER")
		}
		require.Equal(t, step.want, got, "step %d", i)
		require.Equal(t, refused, out.GetOverallCode() == ratelimitv3.RateLimitResponse_OVER_LIMIT, "step %d", i)
		require.Equal(t, step.used, used(s.key.ID), "step %d", i)
		require.Equal(t, step.more, used(key.ID), "step %d", i)
	}
}

// TestUnknown refuses descriptors that name no key, and domains that are not served. Each
// combination is logged once.
func TestUnknown(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"], "stages": ["shop:prod"]}`, ration.Config{})
	for name, c := range map[string]struct {
		cfg    envoy.LimiterConfig
		domain string
		entry  string
		code   string
		log    string
	}{
		"served":           {cfg: envoy.LimiterConfig{Domains: map[string]usageplan.Stage{"shop": {API: "shop", Name: "prod"}}}, domain: "shop", entry: "api_key", code: "OK"},
		"no stage":         {domain: "shop", entry: "api_key", code: "OVER_LIMIT"}, // the plan is for the stage alone
		"other domain":     {cfg: envoy.LimiterConfig{Domains: map[string]usageplan.Stage{"shop": {API: "shop", Name: "prod"}}}, domain: "other", entry: "api_key", code: "OVER_LIMIT", log: "LimiterConfig.Domains does not have"},
		"misspelt":         {domain: "shop", entry: "apikey", code: "OVER_LIMIT", log: "names no key"},
		"misspelt allowed": {cfg: envoy.LimiterConfig{InsecureAllowUnknown: true}, domain: "shop", entry: "apikey", code: "OK", log: "names no key"},
		"other names":      {cfg: envoy.LimiterConfig{Names: envoy.DescriptorNames{Key: "apikey"}, Domains: map[string]usageplan.Stage{"shop": {API: "shop", Name: "prod"}}}, domain: "shop", entry: "apikey", code: "OK"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			l := s.limiter(t, c.cfg)
			for range 2 {
				in := call(c.entry, string(s.secret))
				in.Domain = c.domain
				out, err := l.ShouldRateLimit(t.Context(), in)
				require.NoError(t, err)
				require.Equal(t, c.code, out.GetOverallCode().String())
			}
			lines := 0
			if c.log != "" {
				lines = 1
			}
			require.Equal(t, lines, strings.Count(log.String(), "\n"), log.String())
			require.Contains(t, log.String(), c.log)
			require.NotContains(t, log.String(), string(s.secret))
		})
	}
}

// TestWarnings bounds the combinations of names that are logged and kept.
func TestWarnings(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	var log bytes.Buffer
	l := s.limiter(t, envoy.LimiterConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 1000 {
		_, err := l.ShouldRateLimit(t.Context(), call(fmt.Sprint("name", i), "value"))
		require.NoError(t, err)
	}
	require.Equal(t, 64, strings.Count(log.String(), "\n"))
}

// TestLimiterFailures lets the Counter fail. Its refusal is one of the Limiter, unless
// Envoy is to decide.
func TestLimiterFailures(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{
		Counter: storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errors.New("broken")}),
	})
	in := call("api_key", string(s.secret))
	out, err := s.limiter(t, envoy.LimiterConfig{}).ShouldRateLimit(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "OVER_LIMIT", shown(out.GetStatuses()[0]))
	require.Contains(t, string(out.GetRawBody()), `"status":503`)

	_, err = s.limiter(t, envoy.LimiterConfig{ReportFailures: true}).ShouldRateLimit(t.Context(), in)
	require.Equal(t, codes.Unavailable, status.Code(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.limiter(t, envoy.LimiterConfig{}).ShouldRateLimit(ctx, in)
	require.Equal(t, codes.Canceled, status.Code(err))
}

// TestHidden shows no figures of the key if a limit refused that clients do not see.
func TestHidden(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{Gate: gate.Config{Account: &limiter.Limit{Rate: 1, Burst: 1}}})
	l := s.limiter(t, envoy.LimiterConfig{})
	for _, want := range []string{"OK day 4 of 5/DAY", "OVER_LIMIT"} {
		out, err := l.ShouldRateLimit(t.Context(), call("api_key", string(s.secret)))
		require.NoError(t, err)
		got, _, _ := strings.Cut(shown(out.GetStatuses()[0]), " in ")
		require.Equal(t, want, got)
	}
}

// TestIdempotent charges a request with an ID once.
func TestIdempotent(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{})
	l := s.limiter(t, envoy.LimiterConfig{Names: envoy.DescriptorNames{ID: "order"}})
	for _, c := range []struct{ id, want string }{{"1", "OK day 4"}, {"1", "OK day 4"}, {"2", "OK day 3"}} {
		out, err := l.ShouldRateLimit(t.Context(), call("api_key", string(s.secret), "order", c.id))
		require.NoError(t, err)
		require.Contains(t, shown(out.GetStatuses()[0]), c.want)
	}
}

// TestUnits writes limits as a number for a unit of time.
func TestUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for limit, want := range map[string]string{
			`"throttle": "50/s burst 100"`:       "throttle 99 of 50/SECOND in 1s",
			`"throttle": "1.5/s burst 2"`:        "throttle 1 of 90/MINUTE in 1s",
			`"throttle": "10/m burst 10"`:        "throttle 9 of 10/MINUTE in 6s",
			`"throttle": "7/h burst 1"`:          "throttle 0 of 7/HOUR in 8m35s",
			`"throttle": "1/d burst 1"`:          "throttle 0 of 1/DAY in 24h0m0s",
			`"quotas": ["5/minute"]`:             "minute 4 of 5/MINUTE in 1m0s",
			`"quotas": ["5/hour"]`:               "hour 4 of 5/HOUR in 1h0m0s",
			`"quotas": ["5/week"]`:               "week 4 of 5/WEEK in 24h0m0s",
			`"quotas": ["5/year"]`:               "year 4 of 5/YEAR in 8784h0m0s",
			`"quotas": ["9007199254740990/day"]`: "day 4294967295 of 4294967295/DAY in 24h0m0s",
			`"quotas": ["5/day soft"]`:           "",
		} {
			s := newService(t, `{"id": "free", `+limit+`}`, ration.Config{})
			out, err := s.limiter(t, envoy.LimiterConfig{}).ShouldRateLimit(t.Context(), call("api_key", string(s.secret)))
			require.NoError(t, err)
			require.Equal(t, strings.TrimSpace("OK "+want), shown(out.GetStatuses()[0]), limit)
		}
	})
}

// TestLimiterConfig reports every fault at once.
func TestLimiterConfig(t *testing.T) {
	_, err := envoy.NewLimiter(nil, envoy.LimiterConfig{Names: envoy.DescriptorNames{Key: "route", ID: "late"}})
	require.ErrorIs(t, err, envoy.ErrInvalid)
	require.ErrorContains(t, err, "gate: nil: ")
	require.ErrorContains(t, err, `names: "route": `)
	require.ErrorContains(t, err, `names: "late": `)

	s := newService(t, `{"id": "free"}`, ration.Config{Units: usageplan.Units{{Name: "tokens", Required: true}}})
	for unit, want := range map[string]string{"": `want "tokens", since the Gate requires`, "bytes": "want a unit of the Gate"} {
		_, err := envoy.NewLimiter(s.Gate, envoy.LimiterConfig{HitsUnit: unit})
		require.ErrorIs(t, err, envoy.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}
