package client

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// readLegacy reads the fields Limit, Remaining and Reset with a prefix. Remaining is
// required.
func readLegacy(h http.Header, prefix string, policies []item, now time.Time) (l limit, ok bool) {
	l.left, ok = whole(h.Get(prefix + "Remaining"))
	if !ok {
		return l, false
	}
	l.name = h.Get(prefix + "Resource") // GitHub's name of the limit
	l.reset, l.resets = readReset(h.Get(prefix+"Reset"), now)
	quota, rest, _ := strings.Cut(joined(h, prefix+"Limit"), ",")
	if q, ok := whole(quota); ok {
		l.quota = q
		l.window = windowOf(q, rest, policies)
	}
	return l, true
}

// windowOf returns the window of a quota. Drafts up to 03 have it in RateLimit-Limit
// behind the quota, as in "100, 100;w=60", and drafts up to 07 in RateLimit-Policy.
func windowOf(quota int64, limits string, policies []item) time.Duration {
	inline, _ := parseItems(strings.TrimSpace(limits))
	for _, list := range [][]item{inline, policies} {
		for i := range list {
			if list[i].kind != integer || list[i].number != quota {
				continue
			}
			for _, name := range []string{"w", "window"} {
				if w, ok := list[i].integer(name); ok {
					return seconds(w)
				}
			}
		}
	}
	return 0
}

// whole reads a number of 0 or more. A larger one than an Integer of a structured field
// is cut to that.
func whole(s string) (int64, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	return int64(min(n, 999_999_999_999_999)), err == nil || errors.Is(err, strconv.ErrRange)
}

const (
	// Numbers from here on are Unix times. As seconds from now they are 3 years or more.
	fromSeconds = 1e8

	// Numbers from here on are in milliseconds. As seconds they are after the year 5138.
	fromMilliseconds = 1e11
)

// readReset reads the time until a reset by the rules in the package's doc.
func readReset(s string, now time.Time) (d time.Duration, ok bool) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil:
		at, err := http.ParseTime(s)
		return until(at, now), err == nil
	case math.IsNaN(n) || n < 0:
		return 0, false
	case n >= fromMilliseconds:
		return until(unix(n/1e3), now), true
	case n >= fromSeconds:
		return until(unix(n), now), true
	}
	return time.Duration(min(n, maxTime.Seconds()) * float64(time.Second)), true
}

// unix returns the time of n seconds since 1970, at most in the year 9999.
func unix(n float64) time.Time { return time.Unix(int64(min(n, 253_402_300_799)), 0) }

// readRetryAfter reads a Retry-After, in seconds or as a date.
func readRetryAfter(s string, now time.Time) (d time.Duration, ok bool) {
	s = strings.TrimSpace(s)
	if n, ok := whole(s); ok {
		return seconds(n), true
	}
	at, err := http.ParseTime(s)
	return until(at, now), err == nil
}

// until returns the time from now to at, between 0 and maxTime.
func until(at, now time.Time) time.Duration { return min(max(at.Sub(now), 0), maxTime) }
