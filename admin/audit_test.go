package admin_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

var (
	section = regexp.MustCompile(`(?s)<section class="card">\s*<h2>([^<]*) <span class="count">(\d+)</span></h2>.*?</section>`)
	item    = regexp.MustCompile(`<li><a href="[^"]*"><bdi>([^<]*)</bdi></a>(?: <span class="quiet text"><bdi>([^<]*)</bdi></span>)?`)
)

// audit runs an audit and returns the findings by their title, such as "k: text".
func (f *fixture) audit() map[string][]string {
	f.t.Helper()
	status, page, header := f.post("/usage/audit", "/usage/audit", nil)
	require.Equal(f.t, 303, status, page)
	found := map[string][]string{}
	for _, s := range section.FindAllStringSubmatch(f.get(header.Get("Location")), -1) {
		for _, i := range item.FindAllStringSubmatch(s[0], -1) {
			found[s[1]] = append(found[s[1]], strings.TrimSuffix(i[1]+": "+i[2], ": "))
		}
	}
	return found
}

// TestAudit checks what is found after three months of use.
func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t), t.Context()
		f.plan("small", "unlimited", "2/day", "500/month")
		f.plan("large", "unlimited", "1000/day", "1/year", "1/minute")
		f.plan("empty", "unlimited", "1000/day")
		hot := f.key(apikey.Key{ID: "hot"}, "small")
		rarely := f.key(apikey.Key{ID: "rarely"}, "small")
		calm := f.key(apikey.Key{ID: "calm"}, "large")
		f.key(apikey.Key{ID: "forgotten"}, "small")
		f.key(apikey.Key{ID: "unlinked"})
		f.key(apikey.Key{ID: "off"}, "small")
		_, err := f.keys.Disable(ctx, "off")
		require.NoError(t, err)
		_, err = f.groups.Create(ctx, usageplan.Group{ID: "nobody"})
		require.NoError(t, err)

		time.Sleep(80 * day)
		require.NotContains(t, f.audit(), "Keys unused for 90 days", "no key is that old")
		for i := range 20 {
			for range 3 { // the third is refused
				f.reason(hot)
			}
			for range 1 + i/18 { // all of it on two days
				require.Equal(t, gate.Admitted, f.reason(rarely))
			}
			f.reason(calm)
			time.Sleep(day)
		}
		f.plan("new", "unlimited", "1000/day")
		f.reason(f.key(apikey.Key{ID: "young"}, "new"))

		require.Equal(t, map[string][]string{
			"Keys without a plan":           {"unlinked"},
			"Disabled keys with a plan":     {"off"},
			"Plans without keys":            {"empty"},
			"Empty groups":                  {"nobody"},
			"Limits that are always hit":    {"hot: day of small: used up in 20 of 20 windows"},
			"Limits that are never reached": {"large: 1000/day: the busiest of 1 key used &lt;1%", "small: 500/month: the busiest of 2 keys used 4%"},
			"Keys unused for 90 days":       {"unlinked: never used", "forgotten: never used"},
		}, f.audit())
	})
}

// TestAuditBound checks that an audit keeps a bounded number of findings, and tells how
// many there are.
func TestAuditBound(t *testing.T) {
	f := newFixture(t)
	for range 205 {
		f.key(apikey.Key{})
	}
	require.Len(t, f.audit()["Keys without a plan"], 200)
	page := f.get("/usage/audit")
	require.Contains(t, page, `Keys without a plan <span class="count">205</span>`)
	require.Contains(t, page, "and 5 more")
}

// TestCounts checks that the pages show what was refused, and what soft limits would have
// refused.
func TestCounts(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "1/h burst 3", "2/day soft as trial")
	secret := f.key(apikey.Key{ID: "k", Name: "Web shop"}, "gold")
	for range 10 {
		f.reason(secret)
	}
	overview := f.get("/usage/")
	for _, want := range []string{`<td class="n" data-label="Admitted">3</td><td class="n" data-label="Throttled">7</td>`, "70%", "7, all throttled",
		`<td data-label="Plan"><bdi>gold</bdi></td><td data-label="Counts for">key</td><td data-label="Would have refused" class="n">1</td>`} {
		require.True(t, strings.Contains(overview, want), want)
	}
	require.Contains(t, f.get("/usage/plans/gold"), "What its soft limits would have refused")
	require.Contains(t, f.get("/usage/keys"), "7, all throttled")
}
