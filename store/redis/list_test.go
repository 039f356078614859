package redis

import (
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestShape checks which code of the script decides a part.
func TestShape(t *testing.T) {
	soft, rare := quota, throttle
	soft.Soft, rare.Rare = true, true
	type meters = []store.Meter
	for _, test := range []struct {
		meters meters
		n      []int64
		want   byte
	}{
		{meters{throttle}, []int64{1}, bucket},
		{meters{quota}, []int64{1}, window},
		{meters{throttle, quota}, []int64{1, 2}, bucketWindow},
		{meters{throttle, quota, record}, []int64{1, 1, 1}, bucketWindows},

		{meters{quota, record}, []int64{1, 1}, list},
		{meters{quota, throttle}, []int64{1, 1}, list},
		{meters{throttle, throttle}, []int64{1, 1}, list},
		{meters{throttle, quota, quota, record}, []int64{1, 1, 1, 1}, list},
		{meters{throttle}, []int64{-1}, list},
		{meters{throttle, quota}, []int64{0, -3}, list},

		{meters{}, []int64{}, anyShape},
		{meters{throttle, quota}, []int64{0, 0}, anyShape},
		{meters{throttle, soft}, []int64{1, 1}, anyShape},
		{meters{rare, quota}, []int64{1, 1}, anyShape},
	} {
		p := &store.Part{Meters: test.meters, N: test.n}
		assert.Equal(t, test.want, shape(store.Spend, p), "%v of %v", test.n, test.meters)
		assert.Equal(t, setting, shape(store.SetRemaining, p))
	}
}

// TestListSpans checks that spending moves the Last of a window, and that a refund does
// not, whatever else the charge does.
func TestListSpans(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("miniredis has no lives of so many milliseconds on a machine of 32 bits")
	}
	server := miniredis.RunT(t)
	s := newStore(t, single(t, server.Addr()), decisionScripts)
	start := time.Unix(quota.Start, 0)
	for _, step := range []struct {
		after time.Duration
		n     []int64          // of the quota and of the record
		last  [2]time.Duration // when each was last taken from
	}{
		{1 * time.Hour, []int64{2, 2}, [2]time.Duration{1 * time.Hour, 1 * time.Hour}},
		{2 * time.Hour, []int64{-1, 1}, [2]time.Duration{1 * time.Hour, 2 * time.Hour}},
		{3 * time.Hour, []int64{1, 0}, [2]time.Duration{3 * time.Hour, 2 * time.Hour}},
		{4 * time.Hour, []int64{-1, -1}, [2]time.Duration{3 * time.Hour, 2 * time.Hour}},
	} {
		at := start.Add(step.after)
		server.SetTime(at)
		c := chargeAt(store.Spend, at, "a", 0, quota, record)
		p := &c.Parts[0]
		p.N, p.Last = step.n, make([]int64, 2)
		require.NoError(t, s.Take(t.Context(), c))
		for i := range p.Last {
			want := p.Meters[i].SpanAt(start.Add(step.last[i]).UnixMicro())
			require.Equal(t, want, p.Last[i], "after %v, meter %d", step.after, i)
		}
	}
}
