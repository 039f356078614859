package storetest

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	xrate "golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// fourBytes has as many bytes as a character can have.
const fourBytes = "\U0001F511"

// maxCalendar is the greatest Limit of a quota.
const maxCalendar = 1<<53 - 2

// extremeTimes are times that a store may keep wrongly: at the bounds of a year, of 32
// bits of seconds and of 64 bits of nanoseconds, beside the zero of Unix, and in zones.
var extremeTimes = []time.Time{
	time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
	time.Date(1676, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Unix(0, -1000).UTC(),
	time.Unix(0, 0).UTC(),
	time.Unix(0, 1000).UTC(),
	time.Unix(math.MaxInt32+1, 0).UTC(),
	time.Unix(math.MaxUint32+1, 0).UTC(),
	time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	time.Date(2001, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 5*3600+45*60)),
	time.Date(2001, 10, 28, 2, 30, 0, 0, time.FixedZone("CET", 3600)),
	time.Date(2001, 10, 28, 2, 30, 0, 0, time.FixedZone("CEST", 7200)),
	time.Date(2001, 2, 3, 4, 5, 6, 999_999_000, time.FixedZone("", -12*3600)),
}

// fullTags returns as many and as long tags as there may be.
func fullTags() apikey.Tags {
	tags := apikey.Tags{"team": "a", "Team": "A", "TEAM": "", " ": " ", "ä": "ä", "Ä": "Ä", "a/b:c.d+e=f@g_h-i": "="}
	for i := len(tags); i < 50; i++ {
		tags[fmt.Sprintf("%02d", i)+strings.Repeat("é", 126)] = strings.Repeat("漢", 256)
	}
	return tags
}

// fullKey returns a key with each field at its bounds.
func fullKey() apikey.Key {
	k := apikey.Key{
		ID: strings.Repeat("Zz-_", maxIDLength/4), Name: " " + strings.Repeat(fourBytes, 1022) + " ",
		Description: "\r\n\t\x01" + strings.Repeat(fourBytes, 124_990) + "e\u0301 \n",
		CustomerID:  strings.Repeat("漢", 1024), GroupID: strings.Repeat("-_zZ", maxIDLength/4), Tags: fullTags(), Hint: "…" + fourBytes,
		Digest: aDigest(0, 0xff), Retiring: aDigest(0xff, 0), Enabled: true,
		Sealed:        bytes.Repeat([]byte{0, 0xff, 0xfe, '\'', 0xc3, '\n'}, 200),
		RetiringUntil: aFuture, Rotated: aTime(3), Expires: aFuture, Created: aTime(1), Updated: aTime(2), Version: 1,
	}
	k.StageKeys = []string{"pets/prod", "cats/prod", "pets/prod", "Pets/prod", "a/b/c"}
	for len(k.StageKeys) < 100 {
		k.StageKeys = append(k.StageKeys, "漢/"+strings.Repeat("s", 508))
	}
	k.Scopes = []string{"orders:read", "Orders:read", "orders:*", "*", "!#$%&'()+,-./:;<=>?@[]^_`{|}~"}
	for len(k.Scopes) < 100 {
		k.Scopes = append(k.Scopes, fmt.Sprintf("%03d'", len(k.Scopes))+strings.Repeat("<", 124))
	}
	for _, n := range []string{"0.0.0.0/0", "::/0", "255.255.255.255/32", "10.0.0.0/8", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "2001:db8::/32"} {
		k.Networks = append(k.Networks, netip.MustParsePrefix(n))
	}
	for len(k.Networks) < 50 {
		k.Networks = append(k.Networks, netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/48", len(k.Networks))))
	}
	return k
}

// quotaZone returns a zone of quotas, or nil if this machine has no data of zones.
func quotaZone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return loc
}

// extremeLimits are throttles that a store may keep wrongly.
var extremeLimits = []limiter.Limit{
	{}, {Burst: 5}, {Rate: xrate.Inf}, {Rate: xrate.Inf, Burst: 7}, {Rate: 1e-8, Burst: 1}, {Rate: 1e12},
	{Rate: 1.0 / 3, Burst: 1}, {Rate: 100.0 / 86400, Burst: 100}, {Rate: 0.001, Burst: 0},
	{Rate: 16_777_217, Burst: 16_777_217}, {Rate: 1, Burst: math.MaxInt32}, {Rate: 0.1 + 0.2, Burst: 3},
}

// longUnit is a unit of the greatest length.
var longUnit = strings.Repeat("z_9", 10) + "zz"

// extremeThrottles returns throttles that are with extremeQuotas as many limits as a plan
// may have. They are in no order.
func extremeThrottles() []usageplan.Throttle {
	return []usageplan.Throttle{
		{Limit: limiter.Limit{Rate: 1e12}, Unit: "tokens"},
		{Limit: limiter.Limit{Rate: 1.0 / 3, Burst: 1}, Unit: longUnit, Name: strings.Repeat("Z", calendar.MaxName)},
		{Name: ` as "a/b\ burst 3 `, Limit: limiter.Limit{Burst: 5}, Unit: usageplan.Requests, Soft: true},
		{Limit: limiter.Limit{Rate: 16_777_217, Burst: 16_777_217}, Name: "Tokens soft x"},
	}
}

// extremeQuotas returns quotas that are with extremeThrottles as many limits as a plan
// may have. They are in no order.
func extremeQuotas() []calendar.Quota {
	return []calendar.Quota{
		{Limit: maxCalendar, Unit: longUnit, Period: calendar.Year},
		{Name: strings.Repeat("z", calendar.MaxName), Limit: 0, Period: calendar.Minute},
		{Name: " as in start ", Soft: true, Limit: math.MaxUint32 + 1, Unit: "in", Period: calendar.Month, StartDay: 31, Location: quotaZone("Europe/Berlin")},
		{Name: "Day", Limit: 16_777_217, Unit: usageplan.Requests, Period: calendar.Day, Location: quotaZone("America/Argentina/Buenos_Aires")},
		{Name: `"a/b\ soft x`, Limit: 1, Period: calendar.Week, StartDay: 6, Location: quotaZone("Asia/Kathmandu")},
	}
}

// mostAlerts returns as many thresholds as a plan or a link may have.
func mostAlerts() []int { return []int{1, 2, 9, 10, 99, 100, 101, 255, 256, usageplan.MaxAlertPercent} }

// fullPlan returns a plan with each field at its bounds.
func fullPlan() usageplan.Plan {
	p := usageplan.Plan{
		ID: strings.Repeat("Zz-_", maxIDLength/4), Name: " " + strings.Repeat(fourBytes, usageplan.MaxName-2) + " ",
		Description: "\n\t" + strings.Repeat(fourBytes, usageplan.MaxDescription-10) + "e\u0301 \n",
		ProductCode: strings.Repeat("é", usageplan.MaxName), Tags: fullTags(),
		Throttle: &limiter.Limit{Rate: 1e-8, Burst: 1}, Throttles: extremeThrottles(), Quotas: extremeQuotas(),
		Alerts:      mostAlerts(),
		Routes:      map[string]limiter.Limit{},
		Stages:      []usageplan.Stage{{API: "pets", Name: "prod"}, {API: "cats", Name: "v1:beta"}, {API: "Pets", Name: "prod"}},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{},
		Created:     aTime(1), Updated: aTime(2), Version: 1,
	}
	for i, l := range extremeLimits {
		p.Routes[fmt.Sprintf("GET /漢/{id}/%d.%%_*\"\\", i)] = l
		p.StageRoutes[usageplan.Stage{API: "cats", Name: fmt.Sprintf("v1:%d:%s", i, fourBytes)}] = map[string]limiter.Limit{
			"*": l, "GET /a": {Rate: 1}, "GET /A": {Rate: 2}, "/a": {Rate: 3},
		}
	}
	for i := len(p.Routes); i < usageplan.MaxRoutes; i++ {
		p.Routes[fmt.Sprintf("POST /%d", i)] = limiter.Limit{Rate: xrate.Limit(i) / 7, Burst: i}
	}
	for i := len(p.Stages); i < usageplan.MaxStages; i++ {
		p.Stages = append(p.Stages, usageplan.Stage{API: fmt.Sprint("api", -i), Name: "s"})
	}
	return p
}

// fullClasses returns a plan with as many limits of classes and routes as there may be.
// The names of classes and of their limits have each character that they may have.
func fullClasses() usageplan.Plan {
	p := usageplan.Plan{ID: "classes", For: map[string]usageplan.Limits{}, Version: 1}
	long := strings.Repeat("Zz9-_.:@", 8)
	p.For[long] = usageplan.Limits{
		Throttles: []usageplan.Throttle{
			{Limit: limiter.Limit{Rate: 1.0 / 3, Burst: 1}, Unit: longUnit, Name: strings.Repeat("~", calendar.MaxName-len(long)-1), Soft: true},
			{Name: " soft as soft x"}, {Unit: "soft", Soft: true}, {Unit: "tokens"},
		},
		Quotas: []calendar.Quota{
			{Name: strings.Repeat("!", calendar.MaxName-len(long)-1), Period: calendar.Minute},
			{Limit: maxCalendar, Unit: longUnit, Period: calendar.Year, Soft: true},
		},
	}
	p.For[`GET /{id...}/%_*"'\<&>`] = usageplan.Limits{Throttles: []usageplan.Throttle{{Soft: true}, {Unit: "tokens", Name: "a"}}}
	p.For["/opus"] = usageplan.Limits{Quotas: []calendar.Quota{{Period: calendar.Week, StartDay: 6, Location: quotaZone("Asia/Kathmandu"), Soft: true}}}
	for i, class := range []string{"opus", "Opus", "OPUS", "opus.", "7", "07", "7e0", "null", "true", "-", "_", "a_c", "abc", long[:63], long[1:] + "z"} {
		p.For[class] = usageplan.Limits{Quotas: []calendar.Quota{{Limit: int64(i), Period: calendar.Day, Soft: i%2 == 0}}}
	}
	for i := len(p.For); i < usageplan.MaxFor; i++ {
		p.For[fmt.Sprint("class:", i)] = usageplan.Limits{Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: xrate.Limit(i) / 7, Burst: i}}}}
	}
	return p
}
