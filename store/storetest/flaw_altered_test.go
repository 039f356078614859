package storetest

import (
	"context"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	xrate "golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// alters is a directory that changes what it is to keep. The functions may be nil.
type alters struct {
	base
	key  func(*apikey.Key)
	plan func(*usageplan.Plan)
	link func(*usageplan.Link)
}

// altered returns a changed copy of a record.
func altered[T interface{ Clone() T }](record T, change func(*T)) T {
	if change == nil {
		return record
	}
	record = record.Clone()
	change(&record)
	return record
}

func (s alters) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.base.InsertKey(ctx, altered(k, s.key))
}

func (s alters) UpdateKey(ctx context.Context, k apikey.Key) error {
	return s.base.UpdateKey(ctx, altered(k, s.key))
}

func (s alters) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.base.InsertPlan(ctx, altered(p, s.plan))
}

func (s alters) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.base.UpdatePlan(ctx, altered(p, s.plan))
}

func (s alters) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(ctx, altered(l, s.link))
}

func (s alters) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.base.UpdateLink(ctx, altered(l, s.link))
}

func keyAltered(name, caught string, change func(*apikey.Key)) directoryFlaw[apikey.Store] {
	return directoryFlaw[apikey.Store]{name, caught, func() apikey.Store { return alters{base: newBase(), key: change} }}
}

func planAltered(name, caught string, change func(*usageplan.Plan)) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return alters{base: newBase(), plan: change} }}
}

func linkAltered(name, caught string, change func(*usageplan.Link)) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return alters{base: newBase(), link: change} }}
}

// keyTimes changes each time of a key.
func keyTimes(change func(time.Time) time.Time) func(*apikey.Key) {
	return func(k *apikey.Key) {
		for _, at := range []*time.Time{&k.Created, &k.Updated, &k.Expires, &k.RetiringUntil, &k.Rotated} {
			*at = change(*at)
		}
	}
}

// throttles changes each throttle of a plan.
func throttles(change func(limiter.Limit) limiter.Limit) func(*usageplan.Plan) {
	return func(p *usageplan.Plan) {
		if p.Throttle != nil {
			*p.Throttle = change(*p.Throttle)
		}
		for _, routes := range append(slices.Collect(maps.Values(p.StageRoutes)), p.Routes) {
			for name, l := range routes {
				routes[name] = change(l)
			}
		}
	}
}

// cutTo returns at most n bytes of s.
func cutTo(s string, n int) string { return s[:min(len(s), n)] }

// composed composes the accents of a text, as a normalizing database does.
func composed(s string) string {
	return strings.NewReplacer("e\u0301", "é", "A\u0308", "Ä").Replace(s)
}

// wallClock drops the zone of a time.
func wallClock(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// nanosecondsOf keeps a time as the nanoseconds of Unix.
func nanosecondsOf(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Unix(0, t.UnixNano()).UTC()
}

// floatSeconds keeps a time as floating point seconds of Unix.
func floatSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMicro(int64(math.Round(float64(t.UnixMicro()) / 1e6 * 1e6))).UTC()
}

// epochIsNever reads the zero of Unix as no time.
func epochIsNever(t time.Time) time.Time {
	if t.Unix() == 0 {
		return time.Time{}
	}
	return t
}

var alteredKeyFlaws = []directoryFlaw[apikey.Store]{
	keyAltered("cuts a name to 255 bytes", "bounds, list/text", func(k *apikey.Key) { k.Name = cutTo(k.Name, 255) }),
	keyAltered("cuts a description to 65,535 bytes", "bounds", func(k *apikey.Key) { k.Description = cutTo(k.Description, 65_535) }),
	keyAltered("trims the spaces of a description", "bounds", func(k *apikey.Key) { k.Description = strings.TrimSpace(k.Description) }),
	keyAltered("composes accents", "bounds", func(k *apikey.Key) { k.Description = composed(k.Description) }),
	keyAltered("replaces characters of four bytes", "bounds", func(k *apikey.Key) {
		k.Hint = strings.Map(func(r rune) rune { return min(r, '\ufffd') }, k.Hint)
	}),
	keyAltered("keeps sealed bytes as text", "bounds", func(k *apikey.Key) {
		if k.Sealed != nil {
			k.Sealed = []byte(strings.ToValidUTF8(string(k.Sealed), "?"))
		}
	}),
	keyAltered("keeps stage keys as a set", "bounds", func(k *apikey.Key) {
		var set []string
		for _, key := range k.StageKeys {
			if !slices.Contains(set, key) {
				set = append(set, key)
			}
		}
		k.StageKeys = set
	}),
	keyAltered("keeps many scopes in lower case", "bounds", func(k *apikey.Key) {
		for i, scope := range k.Scopes {
			if len(k.Scopes) == 100 {
				k.Scopes[i] = strings.ToLower(scope)
			}
		}
	}),
	keyAltered("keeps no prefix of all addresses", "bounds", func(k *apikey.Key) {
		k.Networks = slices.DeleteFunc(k.Networks, func(p netip.Prefix) bool { return p.Bits() == 0 })
	}),
	keyAltered("keeps the names of tags in lower case", "bounds", func(k *apikey.Key) {
		for name, value := range maps.Clone(k.Tags) {
			delete(k.Tags, name)
			k.Tags[strings.ToLower(name)] = value
		}
	}),
	keyAltered("drops the zone of a time", "times", keyTimes(wallClock)),
	keyAltered("keeps a time in 64 bits of nanoseconds", "times", keyTimes(nanosecondsOf)),
	keyAltered("reads an expiry at the zero of Unix as none", "times", keyTimes(epochIsNever)),
	keyAltered("keeps a version in 32 bits", "version/any", func(k *apikey.Key) { k.Version = int64(int32(k.Version)) }),
}

var alteredPlanFlaws = []directoryFlaw[usageplan.Store]{
	planAltered("sorts the stages of a plan", "bounds", func(p *usageplan.Plan) {
		slices.SortFunc(p.Stages, func(a, b usageplan.Stage) int { return strings.Compare(a.String(), b.String()) })
	}),
	planAltered("sorts the quotas of a plan by name", "bounds", func(p *usageplan.Plan) {
		slices.SortStableFunc(p.Quotas, func(a, b calendar.Quota) int { return strings.Compare(a.Name, b.Name) })
	}),
	planAltered("splits a stage at its last colon", "bounds", func(p *usageplan.Plan) {
		for i, stage := range p.Stages {
			text := stage.String()
			at := strings.LastIndexByte(text, ':')
			p.Stages[i] = usageplan.Stage{API: text[:at], Name: text[at+1:]}
		}
	}),
	planAltered("keeps routes without regard to case", "bounds", func(p *usageplan.Plan) {
		for _, routes := range p.StageRoutes {
			if _, ok := routes["GET /a"]; ok {
				delete(routes, "GET /A")
			}
		}
	}),
	planAltered("forgets the zone of a quota", "bounds", func(p *usageplan.Plan) {
		for i := range p.Quotas {
			p.Quotas[i].Location = nil
		}
	}),
	planAltered("keeps the limit of a quota in 32 bits", "bounds", func(p *usageplan.Plan) {
		for i := range p.Quotas {
			p.Quotas[i].Limit = int64(uint32(p.Quotas[i].Limit))
		}
	}),
	planAltered("keeps rates of 32 bits", "bounds, limits", throttles(func(l limiter.Limit) limiter.Limit {
		l.Rate = xrate.Limit(float32(l.Rate))
		return l
	})),
	planAltered("keeps three digits behind the point of a rate", "bounds, limits", throttles(func(l limiter.Limit) limiter.Limit {
		if !l.Unlimited() {
			l.Rate = xrate.Limit(math.Round(float64(l.Rate)*1000) / 1000)
		}
		return l
	})),
	planAltered("drops the burst of an unlimited throttle", "bounds, limits", throttles(func(l limiter.Limit) limiter.Limit {
		if l.Unlimited() {
			l.Burst = 0
		}
		return l
	})),
	planAltered("reads a throttle that blocks as none", "limits", func(p *usageplan.Plan) {
		if p.Throttle != nil && *p.Throttle == (limiter.Limit{}) {
			p.Throttle = nil
		}
	}),
	linkAltered("reads an override that blocks as none", "limits, links/bounds", func(l *usageplan.Link) {
		if l.Throttle != nil && *l.Throttle == (limiter.Limit{}) {
			l.Throttle = nil
		}
	}),
	linkAltered("cuts an allowance to 127 bytes", "links/bounds", func(l *usageplan.Link) { l.Allowance = cutTo(l.Allowance, 127) }),
	linkAltered("trims an allowance", "links/bounds", func(l *usageplan.Link) { l.Allowance = strings.TrimSpace(l.Allowance) }),
	planAltered("keeps a time of a plan in floating point", "times", func(p *usageplan.Plan) { p.Updated = floatSeconds(p.Updated) }),
	linkAltered("drops the zone of a link's time", "times, links/order", func(l *usageplan.Link) { l.Created = wallClock(l.Created) }),
	planAltered("keeps the zone of a time as hours", "times", func(p *usageplan.Plan) {
		_, offset := p.Created.Zone()
		p.Created = p.Created.Add(time.Duration(offset%3600) * time.Second)
	}),
}
