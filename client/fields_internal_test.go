package client

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lines(text ...string) http.Header {
	h := http.Header{}
	for _, line := range text {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// TestVectors reads header fields as services send them. The comments name the sources.
func TestVectors(t *testing.T) {
	now := time.Date(2026, time.October, 10, 4, 48, 44, 0, time.UTC)
	tests := map[string]struct {
		header []string
		want   []limit
	}{
		// developers.cloudflare.com/fundamentals/api/reference/limits; the names differ there
		"Cloudflare, documentation": {
			[]string{`Ratelimit: "default";r=50;t=30`, `Ratelimit-Policy: "burst";q=100;w=60`},
			[]limit{{name: "default", left: 50, reset: 30 * time.Second, resets: true}},
		},
		// an answer of api.cloudflare.com as quoted in a public measurement of 2026
		"Cloudflare, measured": {
			[]string{`ratelimit-policy: "default";q=1200;w=300`, `ratelimit: "default";r=1199;t=1`},
			[]limit{{name: "default", quota: 1200, window: 5 * time.Minute, left: 1199, reset: time.Second, resets: true}},
		},
		// the form of Cloudflare's changelog of 3 September 2025: an RFC 1123 date
		"Cloudflare, older": {
			[]string{"X-RateLimit-Limit: 1200", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: Sat, 10 Oct 2026 04:50:00 GMT"},
			[]limit{{quota: 1200, reset: 76 * time.Second, resets: true}},
		},
		// github.com/KnpLabs/php-github-api/pull/1072, a secondary limit
		"GitHub": {
			[]string{
				"Date: Mon, 13 Jun 2022 11:48:53 GMT", "X-RateLimit-Limit: 30", "X-RateLimit-Remaining: 14",
				"X-RateLimit-Reset: 1655120964", "X-RateLimit-Used: 16", "X-RateLimit-Resource: search",
			},
			[]limit{{name: "search", quota: 30, left: 14, reset: 31 * time.Second, resets: true}},
		},
		// answers of huggingface.co as quoted in public code; the policy is malformed
		"Hugging Face": {
			[]string{`ratelimit: "resolvers";r=0;t=52`, `ratelimit-policy: "fixed window";"resolvers";q=3000;w=300`},
			[]limit{{name: "resolvers", reset: 52 * time.Second, resets: true}},
		},
		// an answer of pypi.org as quoted in public code
		"PyPI": {
			[]string{`Ratelimit-Policy: "project.create.user";q=4;w=86400;pk=:user:`, `Ratelimit: "project.create.user";r=3;pk=:user:`},
			[]limit{{name: "project.create.user", pk: "\xba\xc7\xab", quota: 4, window: 24 * time.Hour, left: 3}},
		},
		"Ration": {
			[]string{
				`RateLimit-Policy: "throttle";q=100;w=1;ration-burst=10, "day";q=50000;w=86400`,
				`RateLimit: "throttle";r=9;t=1, "day";r=41237;t=31200`,
			},
			[]limit{
				{name: "throttle", quota: 100, window: time.Second, left: 9, reset: time.Second, resets: true, refills: true},
				{name: "day", quota: 50000, window: 24 * time.Hour, left: 41237, reset: 31200 * time.Second, resets: true},
			},
		},
		"several lines": {
			[]string{`RateLimit: "a";r=1`, `RateLimit: "b";r=2;t=3`, `RateLimit-Policy: "b";q=9;w=4`},
			[]limit{{name: "a", left: 1}, {name: "b", left: 2, reset: 3 * time.Second, resets: true, quota: 9, window: 4 * time.Second}},
		},
		"partition keys": { // appendix B of the draft has such values
			[]string{`RateLimit: "a";r=1;pk=:Zm9v:, "a";r=2;pk=:YmFy:`, `RateLimit-Policy: "a";q=7;pk=:YmFy:`},
			[]limit{{name: "a", pk: "foo", left: 1}, {name: "a", pk: "bar", left: 2, quota: 7}},
		},
		"other units": {
			[]string{`RateLimit: "a";r=1000, "b";r=2, "c";r=3`, `RateLimit-Policy: "a";q=1000;qu="content-bytes", "b";q=4;qu="requests", "c";q=4;qu="concurrent-requests"`},
			[]limit{{name: "b", left: 2, quota: 4}},
		},
		"unknown members": {
			[]string{`RateLimit: "a";r=1;t=2;acme-x=?1;acme-y=1.5;acme-z=@1659578233;acme-s=%"f%c3%bc";acme, tok;r=5`},
			[]limit{{name: "a", left: 1, reset: 2 * time.Second, resets: true}, {name: "tok", left: 5}},
		},
		"no r":        {[]string{`RateLimit: "a";t=1, "b";r=-1, "c";r=1.5, "d";r="1", "e";r=0`}, []limit{{name: "e"}}},
		"negative t":  {[]string{`RateLimit: "a";r=1;t=-1`}, []limit{{name: "a", left: 1}}},
		"largest":     {[]string{`RateLimit: "a";r=999999999999999;t=999999999999999`}, []limit{{name: "a", left: 999_999_999_999_999, reset: maxTime, resets: true}}},
		"too large":   {[]string{`RateLimit: "a";r=1000000000000000`}, nil},
		"inner list":  {[]string{`RateLimit: ("a" "b");r=1`}, nil},
		"open string": {[]string{`RateLimit: "a;r=1`}, nil},
		"trailing":    {[]string{`RateLimit: "a";r=1,`}, nil},
		"cached":      {[]string{"Age: 7", `RateLimit: "a";r=1;t=2`}, nil},
		"both forms":  {[]string{`RateLimit: "a";r=1`, "X-RateLimit-Remaining: 0"}, []limit{{name: "a", left: 1}}},

		// draft-ietf-httpapi-ratelimit-headers-03, section 3
		"draft 03": {
			[]string{"RateLimit-Limit: 10, 10;w=1, 50;w=60", "RateLimit-Remaining: 9", "RateLimit-Reset: 1"},
			[]limit{{quota: 10, window: time.Second, left: 9, reset: time.Second, resets: true}},
		},
		"draft 06": {
			[]string{"RateLimit-Limit: 100", "RateLimit-Policy: 100;w=60", "RateLimit-Remaining: 95", "RateLimit-Reset: 50"},
			[]limit{{quota: 100, window: time.Minute, left: 95, reset: 50 * time.Second, resets: true}},
		},
		"draft 07": {
			[]string{"RateLimit: limit=100, remaining=50, reset=30", "RateLimit-Policy: 100;w=60"},
			[]limit{{quota: 100, window: time.Minute, left: 50, reset: 30 * time.Second, resets: true}},
		},
		"seconds":      {[]string{"X-RateLimit-Remaining: 2", "X-RateLimit-Reset: 60.5"}, []limit{{left: 2, reset: 60500 * time.Millisecond, resets: true}}},
		"milliseconds": {[]string{"X-RateLimit-Remaining: 2", "X-RateLimit-Reset: 1791607730000"}, []limit{{left: 2, reset: 6 * time.Second, resets: true}}},
		"past":         {[]string{"X-RateLimit-Remaining: 2", "X-RateLimit-Reset: 1691607730"}, []limit{{left: 2, resets: true}}},
		"X-Rate-Limit": {[]string{"X-Rate-Limit-Limit: 15", "X-Rate-Limit-Remaining: 1", "X-Rate-Limit-Reset: 1791607730"}, []limit{{quota: 15, left: 1, reset: 6 * time.Second, resets: true}}},
		"no number":    {[]string{"X-RateLimit-Remaining: many", "X-RateLimit-Reset: soon"}, nil},
		"infinite":     {[]string{"X-RateLimit-Remaining: 1", "X-RateLimit-Reset: Inf"}, []limit{{left: 1, reset: maxTime, resets: true}}},
		"not a number": {[]string{"X-RateLimit-Remaining: 1", "X-RateLimit-Reset: NaN"}, []limit{{left: 1}}},
		"beyond":       {[]string{"X-RateLimit-Limit: 100000000000000000000", "X-RateLimit-Remaining: 100000000000000000000"}, []limit{{quota: 999_999_999_999_999, left: 999_999_999_999_999}}},
		"none":         {[]string{"X-RateLimit-Limit: 10"}, nil},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, readAnswer(lines(c.header...), now).limits)
		})
	}
}

// TestRetryAfter reads Retry-After. A date is compared with the Date of the answer.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, time.October, 10, 4, 48, 44, 0, time.UTC)
	tests := map[string]struct {
		header []string
		want   time.Duration
		ok     bool
	}{
		"seconds":   {[]string{"Retry-After: 120"}, 2 * time.Minute, true},
		"zero":      {[]string{"Retry-After: 0"}, 0, true},
		"huge":      {[]string{"Retry-After: 18446744073709551615"}, maxTime, true},
		"beyond":    {[]string{"Retry-After: 100000000000000000000"}, maxTime, true},
		"date":      {[]string{"Retry-After: Sat, 10 Oct 2026 04:49:00 GMT"}, 16 * time.Second, true},
		"by Date":   {[]string{"Retry-After: Sat, 10 Oct 2026 04:49:00 GMT", "Date: Sat, 10 Oct 2026 04:48:50 GMT"}, 10 * time.Second, true},
		"past":      {[]string{"Retry-After: Sat, 10 Oct 2025 04:49:00 GMT"}, 0, true},
		"negative":  {[]string{"Retry-After: -1"}, 0, false},
		"fraction":  {[]string{"Retry-After: 1.5"}, 0, false},
		"no number": {[]string{"Retry-After: soon"}, 0, false},
		"none":      {nil, 0, false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			a := readAnswer(lines(c.header...), now)
			assert.Equal(t, c.ok, a.retries)
			if c.ok {
				assert.Equal(t, c.want, a.retryAfter)
			}
		})
	}
}

// FuzzAnswer reads any header, and holds what it finds to its bounds.
func FuzzAnswer(f *testing.F) {
	f.Add(`"default";r=50;t=30`, `"burst";q=100;w=60`, "1", "100, 100;w=60", "1655120964")
	f.Add(`limit=100, remaining=50, reset=30`, `100;w=60`, "Sat, 10 Oct 2026 04:49:00 GMT", "30", "60.5")
	f.Add(`"a\"\\";r=1;pk=:Zm9v:;x=?1;y=@1;z=%"f%c3";*k=-1.5`, `tok;q=1;qu="requests"`, "-1", "x", "Inf")
	f.Fuzz(func(t *testing.T, rateLimit, policy, retryAfter, quota, reset string) {
		h := http.Header{}
		h.Set("RateLimit", rateLimit)
		h.Set("RateLimit-Policy", policy)
		h.Set("Retry-After", retryAfter)
		h.Set("X-RateLimit-Limit", quota)
		h.Set("X-RateLimit-Remaining", quota)
		h.Set("X-RateLimit-Reset", reset)
		now := time.Date(2026, time.October, 10, 4, 48, 44, 0, time.UTC)
		a := readAnswer(h, now)
		between(t, a.retryAfter)
		for _, l := range a.limits {
			between(t, l.reset)
			between(t, l.window)
			require.False(t, l.left < 0 || l.quota < 0, "%+v", l)
			if items, ok := parseItems(rateLimit); ok {
				require.LessOrEqual(t, len(items), maxMembers)
			}
			var p pace
			p.update(l, receipt{seq: 1, sent: 3, inflight: 2, before: 1, began: now, now: now})
			require.GreaterOrEqual(t, p.gap(now, time.Minute), time.Duration(0))
			last := time.Time{}
			for _, n := range []int64{1, 2, 10, 1 << 40} {
				ready := p.ready(n, 3, time.Minute)
				require.False(t, ready.Before(last), "a later request is ready earlier")
				last = ready
			}
		}
	})
}

func between(t *testing.T, d time.Duration) {
	require.GreaterOrEqual(t, d, time.Duration(0))
	require.LessOrEqual(t, d, maxTime)
}
