package middleware_test

import (
	"fmt"
	"strings"
)

// item is a String whose parameters are Integers.
type item struct {
	name   string
	params map[string]int64
}

// parseList parses a List of Items by the algorithms of RFC 9651 section 4.2, as far as
// the RateLimit fields use them. Each Item is a String, and each parameter an Integer.
func parseList(s string) (list []item, err error) {
	for {
		var it item
		if it.name, s, err = parseString(s); err != nil {
			return nil, err
		}
		if it.params, s, err = parseParams(s); err != nil {
			return nil, err
		}
		list = append(list, it)
		if s = strings.TrimLeft(s, " \t"); s == "" {
			return list, nil
		}
		if s[0] != ',' {
			return nil, fmt.Errorf("want a comma before %q", s)
		}
		s = strings.TrimLeft(s[1:], " \t")
	}
}

func parseString(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", fmt.Errorf("want a quote before %q", s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c < 0x20 || c > 0x7e:
			return "", "", fmt.Errorf("character %#x in a string", c)
		case c != '\\':
			b.WriteByte(c)
		case i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			return "", "", fmt.Errorf("bad escape in %q", s)
		}
	}
	return "", "", fmt.Errorf("no end of string %q", s)
}

func parseParams(s string) (params map[string]int64, rest string, err error) {
	params = map[string]int64{}
	for strings.HasPrefix(s, ";") {
		s = strings.TrimLeft(s[1:], " ")
		n := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_-.*", r) })
		if n < 1 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz*", rune(s[0])) || s[n] != '=' {
			return nil, "", fmt.Errorf("want a key and a value before %q", s)
		}
		key := s[:n]
		s = s[n+1:]
		var value int64
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			value = value*10 + int64(s[digits]-'0')
			digits++
		}
		if digits == 0 || digits > 15 {
			return nil, "", fmt.Errorf("want an integer of 1 to 15 digits before %q", s)
		}
		if _, twice := params[key]; twice {
			return nil, "", fmt.Errorf("%s is there twice", key)
		}
		params[key], s = value, s[digits:]
	}
	return params, s, nil
}
