package client

import (
	"net/http"
	"strings"
	"time"
)

// limit is what an answer says about one limit.
type limit struct {
	name, pk string        // the name and the partition key
	quota    int64         // the requests of a whole window; 0 if unknown
	window   time.Duration // 0 if unknown
	left     int64         // the requests that remain
	reset    time.Duration // until more than left can be had
	resets   bool          // reset is known
	refills  bool          // it refills continuously, as the server says
}

// answer is what the header of an answer says about limits.
type answer struct {
	limits []limit

	retryAfter time.Duration
	retries    bool // there is a Retry-After

	// empty reports that X-RateLimit-Remaining is 0. GitHub refuses with a 403 then.
	empty bool
}

// maxTime bounds times that a server sends. A calendar year fits.
const maxTime = 366 * 24 * time.Hour

// readAnswer reads the fields of an answer that arrived at now.
func readAnswer(h http.Header, now time.Time) (a answer) {
	now = serverTime(h, now)
	a.retryAfter, a.retries = readRetryAfter(h.Get("Retry-After"), now)
	if h.Get("Age") != "" && h.Get("Age") != "0" {
		return a // the figures are those of another request
	}
	policies, _ := parseItems(joined(h, "RateLimit-Policy"))
	a.limits = readRateLimit(joined(h, "RateLimit"), policies)
	for _, prefix := range []string{"RateLimit-", "X-RateLimit-", "X-Rate-Limit-"} {
		l, ok := readLegacy(h, prefix, policies, now)
		if !ok {
			continue
		}
		if strings.HasPrefix(prefix, "X-") && l.left == 0 {
			a.empty = true
		}
		if len(a.limits) == 0 {
			a.limits = append(a.limits, l)
		}
	}
	return a
}

// joined returns all lines of a field as one List.
func joined(h http.Header, name string) string { return strings.Join(h.Values(name), ", ") }

// serverTime returns the time of the answer by the server's clock, which is that of its
// dates. Without a Date it is now.
func serverTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// readRateLimit reads the limits of a RateLimit field. An item without a valid r is
// ignored, and so is one whose policy counts another unit than requests.
func readRateLimit(field string, policies []item) (limits []limit) {
	items, ok := parseItems(field)
	if !ok {
		return readDictionary(field, policies)
	}
	for i := range items {
		it := &items[i]
		left, ok := it.integer("r")
		if !ok || it.kind != text {
			continue
		}
		l := limit{name: it.text, pk: it.params["pk"].text, left: left}
		if t, ok := it.integer("t"); ok {
			l.reset, l.resets = seconds(t), true
		}
		if l.addPolicy(policies) {
			limits = append(limits, l)
		}
	}
	return limits
}

// addPolicy sets what the policy of a limit says. It reports whether the limit is one of
// requests.
func (l *limit) addPolicy(policies []item) bool {
	for i := range policies {
		p := &policies[i]
		if p.kind != text || p.text != l.name || p.params["pk"].text != l.pk {
			continue
		}
		if unit := p.params["qu"]; unit.kind != none && unit.text != "requests" && unit.text != "request" {
			return false
		}
		l.quota, _ = p.integer("q")
		if w, ok := p.integer("w"); ok {
			l.window = seconds(w)
		}
		_, l.refills = p.integer("ration-burst")
		return true
	}
	return true
}

// readDictionary reads a RateLimit field of draft 07: limit=100, remaining=50, reset=30.
// Only that draft has it. Some servers still send it.
func readDictionary(field string, policies []item) []limit {
	h := http.Header{}
	for member := range strings.SplitSeq(field, ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(member), "="); ok && len(field) <= maxField {
			h.Set("RateLimit-"+key, value)
		}
	}
	if l, ok := readLegacy(h, "RateLimit-", policies, time.Time{}); ok {
		return []limit{l}
	}
	return nil
}

// seconds returns n seconds, at most maxTime.
func seconds(n int64) time.Duration {
	return time.Duration(min(n, int64(maxTime/time.Second))) * time.Second
}
