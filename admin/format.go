package admin

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// number returns a number with a comma before each three digits.
func number(n any) string {
	text := fmt.Sprint(n)
	digits := strings.TrimPrefix(text, "-")
	var b strings.Builder
	b.WriteString(text[:len(text)-len(digits)])
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(d)
	}
	return b.String()
}

// when returns an instant to the minute.
func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// ago returns how long ago an instant was, in the largest unit that fits.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return many(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return many(int(d/time.Hour), "hour") + " ago"
	}
	return many(int(d/(24*time.Hour)), "day") + " ago"
}

// in returns how long it is until an instant.
func in(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return many(int((d+time.Second-1)/time.Second), "second")
	case d < 2*time.Hour:
		return many(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return many(int(d/time.Hour), "hour")
	}
	return many(int(d/(24*time.Hour)), "day")
}

// many returns a number with a noun, such as "1 key" and "2 keys".
func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		return number(n) + " " + noun
	}
	return number(n) + " " + noun + "s"
}

// percent returns a share of a whole, rounded down, so that only what is full reads 100.
func percent(part, whole int64) int {
	if whole <= 0 {
		return 100
	}
	return int(min(100, float64(part)/float64(whole)*100))
}

// share returns a percentage as a text.
func share(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	p := float64(part) / float64(whole) * 100
	if p > 0 && p < 1 {
		return "<1%"
	}
	return strconv.Itoa(int(p)) + "%"
}
