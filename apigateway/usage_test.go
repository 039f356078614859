package apigateway_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// TestUsage checks GetUsage over weeks of requests. A bubble begins at midnight of
// Saturday, January 1st 2000.
func TestUsage(t *testing.T) {
	type step struct {
		on     string // the day, at noon
		use    int    // requests; the quota refuses some of them
		refund int    // how many of the admitted ones are refunded
		patch  string // an UpdateUsage after them
		from   string // start of the report; the default is the day itself
		to     string
		want   string // pairs
	}
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		quota string
		steps []step
	}{
		"a day": {`{"limit": 10, "period": "DAY"}`, []step{
			{on: "2000-01-01", use: 3, want: "[[3 7]]"},
			{on: "2000-01-02", use: 12, from: "2000-01-01", want: "[[3 7] [10 0]]"},
			{on: "2000-01-04", use: 2, refund: 1, from: "2000-01-01", want: "[[3 7] [10 0] [0 10] [1 9]]"},
			{on: "2000-01-04", patch: "100", from: "2000-01-03", to: "2000-01-05", want: "[[0 10] [1 100] [0 10]]"},
			{on: "2000-01-05", use: 20, from: "2000-01-04", want: "[[1 100] [10 0]]"},
		}},
		"a week from Monday": {`{"limit": 10, "period": "WEEK", "offset": 1}`, []step{
			{on: "2000-01-01", use: 3, from: "1999-12-26", want: "[[0 10] [0 10] [0 10] [0 10] [0 10] [0 10] [3 7]]"},
			{on: "2000-01-02", use: 12, from: "2000-01-01", want: "[[3 7] [7 0]]"},
			{on: "2000-01-03", use: 4, from: "2000-01-02", want: "[[7 0] [4 6]]"},
			{on: "2000-01-05", use: 1, from: "2000-01-05", want: "[[1 5]]"},
			{on: "2000-01-05", patch: "0", from: "2000-01-05", want: "[[1 0]]"},
			{on: "2000-01-06", use: 1, from: "2000-01-06", want: "[[0 0]]"},
			{on: "2000-01-10", use: 1, from: "2000-01-09", want: "[[0 0] [1 9]]"},
		}},
		"a month from the 15th": {`{"limit": 10, "period": "MONTH", "offset": 14}`, []step{
			{on: "2000-01-14", use: 4, want: "[[4 6]]"},
			{on: "2000-01-15", use: 1, from: "2000-01-14", want: "[[4 6] [1 9]]"},
			{on: "2000-02-14", use: 1, from: "2000-02-13", want: "[[0 9] [1 8]]"},
			{on: "2000-02-15", use: 20, from: "2000-02-14", want: "[[1 8] [10 0]]"},
		}},
		"no quota": {"null", []step{
			{on: "2000-01-01", use: 3, want: "[[3 2.147483647e+09]]"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				key := h.ok(201, "POST /apikeys", `{"enabled": true}`)
				plan, id := h.ok(201, "POST /usageplans", `{"name": "p", "quota": `+test.quota+`}`).text("id"), key.text("id")
				h.ok(201, "POST /usageplans/"+plan+"/keys", `{"keyId": "`+id+`", "keyType": "API_KEY"}`)
				for _, step := range test.steps {
					noon, err := time.Parse(time.DateOnly, step.on)
					require.NoError(t, err)
					time.Sleep(time.Until(noon.Add(day / 2)))
					h.use(apikey.Secret(key.text("value")), step.use, step.refund)
					if step.patch != "" {
						h.ok(200, "PATCH /usageplans/"+plan+"/keys/"+id+"/usage", patch("replace /remaining "+step.patch))
						h.ok(200, "PATCH /usageplans/"+plan+"/keys/"+id+"/usage", patch("replace /remaining "+step.patch)) // changes nothing
					}
					from, to := step.from, step.to
					if from == "" {
						from = step.on
					}
					if to == "" {
						to = step.on
					}
					a := h.ok(200, fmt.Sprintf("GET /usageplans/%s/usage?startDate=%s&endDate=%s&keyId=%s", plan, from, to, id), "")
					require.Equal(t, step.want, fmt.Sprint(a.body["values"].(map[string]any)[id]), "%+v", step)
				}
			})
		})
	}
}

// use sends n requests and refunds some of the admitted ones. It returns the number of
// admitted requests less the refunded ones.
func (h *harness) use(secret apikey.Secret, n, refund int) (used int) {
	h.t.Helper()
	for range n {
		d, err := h.gate.Admit(h.t.Context(), gate.Request{Secret: secret})
		require.NoError(h.t, err)
		switch {
		case d.Allowed && refund > 0:
			require.NoError(h.t, h.gate.Refund(h.t.Context(), &d))
			refund--
		case d.Allowed:
			used++
		}
	}
	return used
}

// TestUsagePages checks that the keys of a plan come in pages, newest first, and that one
// key can be selected.
func TestUsagePages(t *testing.T) {
	h := newHarness(t)
	plan := h.ok(201, "POST /usageplans", `{"name": "p", "quota": {"limit": 10, "period": "DAY"}}`).text("id")
	for range 30 {
		key := h.ok(201, "POST /apikeys", `{}`).text("id")
		h.ok(201, "POST /usageplans/"+plan+"/keys", `{"keyId": "`+key+`", "keyType": "API_KEY"}`)
	}
	path := "GET /usageplans/" + plan + "/usage?startDate=2026-01-01&endDate=2026-01-02"
	a := h.ok(200, path, "")
	require.Len(t, a.body["values"], 30, "one page: the aws command line keeps the first alone")
	require.NotContains(t, a.body, "position")
	found, position := 0, ""
	for {
		a := h.ok(200, path+"&limit=7&position="+position, "")
		found += len(a.body["values"].(map[string]any))
		next, more := a.body["position"]
		if !more {
			break
		}
		position = next.(string)
	}
	require.Equal(t, 30, found)
	require.Empty(t, h.ok(200, path+"&keyId=nobody", "").body["values"])
	h.ok(404, "GET /usageplans/nothing/usage?startDate=2026-01-01&endDate=2026-01-02", "")
}
