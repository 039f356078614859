package directory

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestEscapeText checks what the tables have for texts that PostgreSQL cannot hold, and
// that all other texts stay as they are.
func TestEscapeText(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"acme":                 "acme",
		`a\b'"%_` + "\t\n\x01": `a\b'"%_` + "\t\n\x01",
		"é漢\U0001F511":         "é漢\U0001F511",
		"a\x00b":               "a\ufffd00b",
		"\xff":                 "\ufffdff",
		"\xfe\xff\x00":         "\ufffdfe\ufffdff\ufffd00",
		"\xe6\xbc":             "\ufffde6\ufffdbc",
		"\ufffd":               "\ufffdef\ufffdbf\ufffdbd",
		"\ufffd00":             "\ufffdef\ufffdbf\ufffdbd00",
	} {
		require.Equal(t, want, escapeText(text))
		back, err := unescapeText(want)
		require.NoError(t, err)
		require.Equal(t, text, back)
	}
	for _, bad := range []string{"\ufffd", "a\ufffd0", "\ufffdxy", "\ufffd00\ufffd"} {
		_, err := unescapeText(bad)
		require.ErrorIs(t, err, errEscape, "%q", bad)
	}
}

// FuzzEscapes checks that no two texts become one, and that PostgreSQL can hold each.
func FuzzEscapes(f *testing.F) {
	for _, text := range []string{"", "\x00", `\u0000`, `\\u0000`, "\ufffd", "\ufffd00", `\ufffd`, "\xff\ufffd\x00", `"\`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		column := escapeText(text)
		require.True(t, utf8.ValidString(column))
		require.NotContains(t, column, "\x00")
		back, err := unescapeText(column)
		require.NoError(t, err)
		require.Equal(t, text, back)
		for n := range len(text) + 1 {
			require.True(t, strings.HasPrefix(column, escapePrefix(text[:n])), "%q", text[:n])
		}

		encoded, err := json.Marshal(map[string]string{text: text})
		require.NoError(t, err)
		escaped := escapeJSON(encoded)
		var got, want map[string]string
		require.NoError(t, json.Unmarshal(encoded, &want))
		decoded, err := unescapeJSON(escaped)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(decoded, &got))
		require.Equal(t, want, got)
		var plain map[string]string
		require.NoError(t, json.Unmarshal([]byte(escaped), &plain))
		for name := range plain {
			require.NotContains(t, name, "\x00")
		}
	})
}
