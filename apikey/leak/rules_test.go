package leak_test

import (
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/apikey/leak"
)

// contexts are texts in which a secret is found. %s stands for it.
var contexts = []string{
	"%s", `key = "%s"`, "ACME_KEY=%s\n", "https://example.com/?key=%s&x=1", "key%%3D%s%%26", "`%s`", "_%s_", "<b>%s</b>", `"\n%s\n"`,
	"x-api-key:%s\r\n", "- %s", "{%s}", "é%sé",
}

// A rule is what a generated text tells a scanner.
type rule struct {
	regex   *regexp.Regexp
	keyword string
}

// ruleOf reads a rule by the lines of its text.
func ruleOf(t *testing.T, text, regex, keyword string) rule {
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		require.Len(t, m, 2, text)
		return m[1]
	}
	return rule{regexp.MustCompile(find(regex)), find(keyword)}
}

// finds returns what a scanner finds in a text, or "".
func (r rule) finds(text string) string {
	if !strings.Contains(strings.ToLower(text), r.keyword) {
		return ""
	}
	m := r.regex.FindStringSubmatch(text)
	if m == nil || entropyOf(m[1]) < 3 {
		return ""
	}
	return m[1]
}

// entropyOf returns the Shannon entropy of a text in bits a character, as the scanners
// compute it.
func entropyOf(text string) (bits float64) {
	counts := map[rune]float64{}
	for _, r := range text {
		counts[r]++
	}
	for _, n := range counts {
		p := n / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits
}

// TestRules compares the rules with secrets of the service, and with texts that are none.
func TestRules(t *testing.T) {
	for _, prefix := range []string{"acme_live", "Acme", "x-y", strings.Repeat("p", 32)} {
		f := apikey.Format{Prefix: prefix}
		for name, r := range map[string]rule{
			"gitleaks":   ruleOf(t, leak.Gitleaks(f, "acme-api-key"), `(?m)^regex = '''(.*)'''$`, `(?m)^keywords = \["(.*)"\]$`),
			"trufflehog": ruleOf(t, leak.TruffleHog(f, "acme_api_key"), `(?m)^      key: '(.*)'$`, `(?m)^      - (.*)$`),
		} {
			for range 200 {
				secret := string(must(f.New()))
				for _, c := range contexts {
					text := strings.ReplaceAll(strings.ReplaceAll(c, "%s", secret), "%%", "%")
					require.Equal(t, secret, r.finds(text), "%s in %q", name, text)
				}
				random := secret[len(prefix)+1:]
				for _, near := range []string{
					secret[:len(secret)-1], secret + "0", secret + "z", prefix + "-" + random, prefix + "_" + random[:20] + "_" + random[21:],
					"other_" + random, strings.ToUpper(prefix) + "0_" + random, random, prefix + "_" + strings.Repeat("x", 38), prefix + "_" + strings.Repeat("0123", 9) + "01",
				} {
					require.Empty(t, r.finds(near), "%s in %q", name, near)
				}
			}
		}
	}
}

// TestRuleNames checks that a name cannot change the form of a rule.
func TestRuleNames(t *testing.T) {
	require.Contains(t, leak.Gitleaks(acme, "Acme \"key\"\n"), "id = \"acme--key--\"\n")
	require.Contains(t, leak.TruffleHog(acme, "Acme: key\n"), "- name: acme__key_\n")
}

// TestRulesOnThePage compares the rules with those in docs/leaked-keys.md.
func TestRulesOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/leaked-keys.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "```toml\n"+leak.Gitleaks(acme, "acme-api-key")+"```")
	require.Contains(t, string(page), "```yaml\n"+leak.TruffleHog(acme, "acme_api_key")+"```")
	require.Contains(t, string(page), "`"+acme.Pattern()+"`")
}
