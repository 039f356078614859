package leak

import (
	"fmt"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// after is what may follow a secret: anything but a character that would make another
// word of it.
const after = `(?:[^0-9A-Za-z]|$)`

// entropy is less than that of any random secret, and more than that of placeholders such
// as acme_xxxx.
const entropy = 3

// Gitleaks returns a rule for gitleaks, in TOML, that finds the secrets of a Format. Give
// it to developers, for their .gitleaks.toml. The id names the rule, such as
// "acme-api-key". It has only lower-case letters, digits, '-' and '_', and other
// characters become '-'.
//
// Caution: without a Prefix of its own, the rule also finds the secrets of others.
func Gitleaks(f apikey.Format, id string) string {
	id = ruleName(id, '-')
	return fmt.Sprintf(`[[rules]]
id = "%s"
description = "API key (%s)"
regex = '''(%s)%s'''
secretGroup = 1
entropy = %d
keywords = ["%s"]
`, id, id, f.Pattern(), after, entropy, keyword(f))
}

// TruffleHog returns a custom detector for TruffleHog, in YAML, that finds the secrets of
// a Format: see Gitleaks. The name is such as "acme_api_key".
func TruffleHog(f apikey.Format, name string) string {
	return fmt.Sprintf(`detectors:
  - name: %s
    keywords:
      - %s
    regex:
      key: '(%s)%s'
    entropy: %d
`, ruleName(name, '_'), keyword(f), f.Pattern(), after, entropy)
}

// keyword returns a text that each secret begins with, by which scanners choose the files
// that they look at. They compare it in lower case.
func keyword(f apikey.Format) string {
	prefix, _, _ := strings.Cut(f.Pattern(), "[")
	return strings.ToLower(prefix)
}

func ruleName(name string, other rune) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return other
	}, strings.ToLower(name))
}
