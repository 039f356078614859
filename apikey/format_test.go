package apikey_test

import (
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// good is a well-formed secret. Its checksum and those in checkTable were computed with
// zlib.
const good = "acme_0123456789abcdefghijABCDEFGHIJ011OB32S"

var (
	anyPrefix = apikey.Format{}
	acme      = apikey.Format{Prefix: "acme"}
	foreign   = apikey.Format{Prefix: "acme", AcceptForeign: true}
)

const wantForeign = "want 20 to 128 visible characters"

var checkTable = []struct {
	name   string
	format apikey.Format
	value  string
	want   string // the reason in the error, or "" for a well-formed value
}{
	{"own prefix", acme, good, ""},
	{"any prefix", anyPrefix, good, ""},
	{"prefix of one character", anyPrefix, "x_0123456789abcdefghijABCDEFGHIJ014Lz9ix", ""},
	{"prefix of 32 characters", anyPrefix, strings.Repeat("p", 32) + "_0123456789abcdefghijABCDEFGHIJ011eERkq", ""},
	{"prefix with - and _", anyPrefix, "a-b_c_0123456789abcdefghijABCDEFGHIJ011MJNwS", ""},

	{"empty", acme, "", "length"},
	{"prefix alone", acme, "acme_", "length"},
	{"no prefix", anyPrefix, "_0123456789abcdefghijABCDEFGHIJ013q23ay", "length"},
	{"prefix of 33 characters", anyPrefix, strings.Repeat("p", 33) + "_0123456789abcdefghijABCDEFGHIJ011d2esn", "length"},
	{"10 kB", acme, "acme_" + strings.Repeat("0", 10_000), "length"},
	{"another prefix", acme, "x_0123456789abcdefghijABCDEFGHIJ014Lz9ix", "prefix"},
	{"longer prefix", apikey.Format{Prefix: "a"}, "a-b_c_0123456789abcdefghijABCDEFGHIJ011MJNwS", "prefix"},
	{"one character cut off", acme, good[:len(good)-1], "prefix"},
	{"one character more", acme, good + "0", "prefix"},
	{"space in the prefix", anyPrefix, "acme corp_0123456789abcdefghijABCDEFGHIJ013c8YoJ", "prefix"},
	{"non-ASCII prefix", anyPrefix, "acmé_0123456789abcdefghijABCDEFGHIJ012iosIx", "prefix"},
	{"another separator", acme, "acme-0123456789abcdefghijABCDEFGHIJ011ITjFf", "prefix"},
	{"upper-case prefix", acme, "ACME" + good[4:], "prefix"},
	{"upper-case prefix, any", anyPrefix, "ACME" + good[4:], "checksum"},
	{"dash in the random part", acme, "acme_0123456789abcdefghij-BCDEFGHIJ011sel9x", "characters"},
	{"dash at its start", acme, "acme_-123456789abcdefghijABCDEFGHIJ010zIC4f", "characters"},
	{"dash at its end", acme, "acme_0123456789abcdefghijABCDEFGHIJ0-1ktKdP", "characters"},
	{"dash in the checksum", acme, good[:len(good)-1] + "-", "checksum"},
	{"control character", acme, strings.Replace(good, "abc", "a\nc", 1), "characters"},
	{"NUL", acme, strings.Replace(good, "abc", "a\x00c", 1), "characters"},
	{"non-ASCII", acme, strings.Replace(good, "abcd", "aéd", 1), "characters"},
	{"blank after it", anyPrefix, good + " ", "prefix"},
	{"wrong checksum", acme, good[:len(good)-1] + "T", "checksum"},
	{"lower-case", acme, strings.ToLower(good), "checksum"},
	{"two characters swapped", acme, strings.Replace(good, "23", "32", 1), "checksum"},
	{"foreign, not accepted", anyPrefix, "1234567890abcdefghij1234567890abcdefghijklmno", "prefix"},

	{"foreign: our own", foreign, good, ""},
	{"foreign: 20 characters", foreign, "!234567890123456789~", ""},
	{"foreign: 128 characters", foreign, strings.Repeat("x", 128), ""},
	{"foreign: wrong checksum is right", foreign, good[:len(good)-1] + "T", ""},
	{"foreign: 19 characters", foreign, "1234567890123456789", wantForeign},
	{"foreign: 129 characters", foreign, strings.Repeat("x", 129), wantForeign},
	{"foreign: empty", foreign, "", wantForeign},
	{"foreign: space", foreign, "1234567890 1234567890", wantForeign},
	{"foreign: DEL", foreign, "1234567890\x7f1234567890", wantForeign},
	{"foreign: non-ASCII", foreign, "1234567890é1234567890", ""},
	{"foreign: 20 wide characters", foreign, strings.Repeat("鍵", 20), ""},
	{"foreign: 128 wide characters", foreign, strings.Repeat("🔑", 128), ""},
	{"foreign: 19 wide characters", foreign, strings.Repeat("é", 19), wantForeign},
	{"foreign: 129 wide characters", foreign, strings.Repeat("é", 129), wantForeign},
	{"foreign: not UTF-8", foreign, "1234567890\xe91234567890", wantForeign},
	{"foreign: no-break space", foreign, "1234567890\u00a01234567890", wantForeign},
	{"foreign: zero-width space", foreign, "1234567890\u200b1234567890", wantForeign},
	{"foreign: C1 control character", foreign, "1234567890\u00851234567890", wantForeign},
}

func TestCheck(t *testing.T) {
	for _, c := range checkTable {
		t.Run(c.name, func(t *testing.T) {
			err := c.format.Check(c.value)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, apikey.ErrMalformed)
			require.EqualError(t, err, "apikey: malformed secret: "+c.want)
		})
	}
}

func TestNew(t *testing.T) {
	for prefix, begins := range map[string]string{
		"": "key_", "acme": "acme_", "acme_live": "acme_live_", "0-": "0-_", strings.Repeat("p", 32): strings.Repeat("p", 32) + "_",
	} {
		f := apikey.Format{Prefix: prefix}
		secret, err := f.New()
		require.NoError(t, err, prefix)
		require.NoError(t, f.Check(string(secret)), prefix)
		require.True(t, strings.HasPrefix(string(secret), begins), prefix)
		require.Len(t, string(secret), len(begins)+38)
		require.NoError(t, apikey.Format{AcceptForeign: true}.Check(string(secret)), "our own form is within the foreign bounds")

		again, err := f.New()
		require.NoError(t, err)
		require.False(t, secret == again, "two secrets are never the same")
	}
}

func TestNewRefusesPrefix(t *testing.T) {
	for _, prefix := range []string{"acme corp", "acmé", "a.b", "a\n", strings.Repeat("p", 33), strings.Repeat("p", 10_000)} {
		secret, err := apikey.Format{Prefix: prefix}.New()
		require.ErrorIs(t, err, apikey.ErrInvalid)
		require.ErrorContains(t, err, fmt.Sprintf("prefix: %.40q: want 1 to 32", prefix))
		require.Less(t, len(err.Error()), 200)
		require.Empty(t, string(secret))
	}
}

// TestNewIsUniform draws each of the 62 characters about equally often. With 64,000 draws
// of each on average, the standard deviation is about 250. A remainder instead of a
// rejection would make some characters twice as frequent as others.
func TestNewIsUniform(t *testing.T) {
	count := map[rune]int{}
	const secrets = 124_000
	for range secrets {
		secret, err := acme.New()
		require.NoError(t, err)
		for _, c := range string(secret[5:37]) {
			count[c]++
		}
	}
	require.Len(t, count, 62)
	const mean = secrets * 32 / 62
	for c, n := range count {
		assert.InDelta(t, mean, n, 8*252, "%c", c)
	}
}

// TestCheckCatchesEverySingleChange changes one character at a time. A CRC-32 detects
// each.
func TestCheckCatchesEverySingleChange(t *testing.T) {
	for range 20 {
		secret, err := acme.New()
		require.NoError(t, err)
		b := []byte(secret)
		for i, was := range b {
			for c := range 256 {
				b[i] = byte(c)
				if err := anyPrefix.Check(string(b)); (err == nil) != (byte(c) == was) {
					t.Fatalf("byte %d changed from %q to %q: %v", i, was, byte(c), err)
				}
			}
			b[i] = was
		}
	}
}

// TestCheckAllocs allows one allocation to a value that is well formed except for its
// checksum, and none to any other.
func TestCheckAllocs(t *testing.T) {
	for _, c := range checkTable {
		most := 0.0
		if !c.format.AcceptForeign && (c.want == "" || c.want == "checksum") {
			most = 1
		}
		allocs := testing.AllocsPerRun(100, func() { _ = c.format.Check(c.value) })
		assert.LessOrEqual(t, allocs, most, c.name)
	}
}

// FuzzCheck compares Check with regular expressions and with another checksum.
func FuzzCheck(f *testing.F) {
	for _, c := range checkTable {
		f.Add(c.value)
	}
	form := regexp.MustCompile(`^([A-Za-z0-9_-]{1,32})_[0-9A-Za-z]{38}$`)
	visible := regexp.MustCompile(`^[\pL\pM\pN\pP\pS]{20,128}$`)
	f.Fuzz(func(t *testing.T, s string) {
		parts := form.FindStringSubmatch(s)
		sound := parts != nil && s[len(s)-6:] == checksum(s[:len(s)-6])
		for format, want := range map[apikey.Format]bool{
			anyPrefix: sound,
			acme:      sound && parts[1] == "acme",
			foreign:   visible.MatchString(s) && !strings.ContainsRune(s, utf8.RuneError),
		} {
			err := format.Check(s)
			if (err == nil) != want {
				t.Errorf("%+v: %q: %v", format, s, err)
			}
			if err != nil {
				require.ErrorIs(t, err, apikey.ErrMalformed)
				require.False(t, len(s) >= 20 && strings.Contains(err.Error(), s), "an error must not hold the value")
			}
		}
		if shown := apikey.Secret(s).String(); !sound && shown != "…" || sound && strings.Contains(shown, s[len(s)-38:]) {
			t.Errorf("%q is shown as %q", s, shown)
		}
	})
}

// checksum returns the CRC-32 of s in six base62 digits. It uses math/big, which has the
// lower-case letters first.
func checksum(s string) string {
	digits := new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(s)))).Text(62)
	swap := func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}
	return fmt.Sprintf("%06s", strings.Map(swap, digits))
}

func BenchmarkCheck(b *testing.B) {
	// There are many secrets, so that branch prediction cannot learn their characters.
	secrets := make([]string, 1024)
	for i := range secrets {
		secret, err := acme.New()
		require.NoError(b, err)
		secrets[i] = string(secret)
	}
	b.Run("good", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_ = acme.Check(secrets[i%len(secrets)])
		}
	})
	for name, s := range map[string]string{"checksum": strings.ToLower(good), "long": strings.Repeat("x", 10_000)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = acme.Check(s)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = acme.New()
	}
}
