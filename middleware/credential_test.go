package middleware_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestExtractors checks what each Extractor finds.
func TestExtractors(t *testing.T) {
	both := middleware.OneOf(middleware.Bearer(), middleware.Header("x-api-key"), middleware.Query("key"))
	for _, c := range []struct {
		what string
		r    *http.Request
		want middleware.Credential
		bad  bool
	}{
		{"nothing", request("GET", "/"), middleware.Credential{}, false},
		{"bearer", request("GET", "/", "Authorization", "bEARER abc"), middleware.Credential{Secret: "abc", Header: "Authorization"}, false},
		{"header", request("GET", "/", "X-Api-Key", "abc"), middleware.Credential{Secret: "abc", Header: "X-Api-Key"}, false},
		{"query", request("GET", "/?a=1&key=a%2Fc"), middleware.Credential{Secret: "a/c", Query: "key"}, false},
		{"query, empty", request("GET", "/?key="), middleware.Credential{}, false},
		{"query twice", request("GET", "/?key=a&key=a"), middleware.Credential{Query: "key"}, true},
		{"query and header", request("GET", "/?key=abc", "X-Api-Key", "abc"), middleware.Credential{Query: "key"}, true},
		{"query, space", request("GET", "/?key=a+b"), middleware.Credential{Query: "key"}, true},
		{"bearer, two spaces", request("GET", "/", "Authorization", "Bearer  abc"), middleware.Credential{Secret: "abc", Header: "Authorization"}, false},
		{"bearer, a tab", request("GET", "/", "Authorization", "Bearer\tabc"), middleware.Credential{}, false},
		{"bearer, two tokens", request("GET", "/", "Authorization", "Bearer abc def"), middleware.Credential{Header: "Authorization"}, true},
		{"scheme and spaces", request("GET", "/", "Authorization", "Bearer  "), middleware.Credential{Header: "Authorization"}, true},
		{"scheme alone", request("GET", "/", "Authorization", "Bearer"), middleware.Credential{Header: "Authorization"}, true},
		{"128 wide characters", with(strings.Repeat("🔑", 128)), middleware.Credential{Secret: apikey.Secret(strings.Repeat("🔑", 128)), Header: "Authorization"}, false},
		{"wide, and a space", request("GET", "/", "X-Api-Key", strings.Repeat("é", 20)+" é"), middleware.Credential{Header: "X-Api-Key"}, true},
		{"wide, not UTF-8", request("GET", "/", "X-Api-Key", strings.Repeat("\xe9", 20)), middleware.Credential{Header: "X-Api-Key"}, true},
		{"512 bytes", with(strings.Repeat("x", 512)), middleware.Credential{Secret: apikey.Secret(strings.Repeat("x", 512)), Header: "Authorization"}, false},
		{"513 bytes", with(strings.Repeat("x", 513)), middleware.Credential{Header: "Authorization"}, true},
	} {
		got, err := both(c.r)
		require.Equal(t, c.want, got, c.what)
		require.Equal(t, c.bad, errors.Is(err, middleware.ErrCredential), c.what)
	}
}

// TestCharacters tries every byte at each place of a secret, alone and beside a bad byte.
func TestCharacters(t *testing.T) {
	extract := middleware.Header("X-API-Key")
	for n := range 20 {
		for i := range n {
			for b := range 256 {
				secret := []byte(strings.Repeat("~", n))
				secret[i] = byte(b)
				_, err := extract(request("GET", "/", "X-API-Key", string(secret)))
				require.Equal(t, b <= ' ' || b > '~', err != nil, "%q", secret)
				secret[n-1-i] = ' '
				_, err = extract(request("GET", "/", "X-API-Key", string(secret)))
				require.ErrorIs(t, err, middleware.ErrCredential, "%q", secret)
			}
		}
	}
}

// TestAuthorizer identifies keys by their ID, as a service does that authenticates
// requests itself.
func TestAuthorizer(t *testing.T) {
	h := newFixture(t)
	key, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	var found middleware.Credential
	var failed error
	protected := h.middleware(middleware.Config{Credential: func(*http.Request) (middleware.Credential, error) { return found, failed }}).Handler(ok)
	for _, step := range []struct {
		found  middleware.Credential
		failed error
		status int
	}{
		{middleware.Credential{}, errBroken, 503},
		{middleware.Credential{}, nil, 401},
		{middleware.Credential{KeyID: "nobody"}, nil, 401},
		{middleware.Credential{}, middleware.ErrCredential, 401},
		{middleware.Credential{KeyID: key.ID}, middleware.ErrCredential, 401},
		{middleware.Credential{KeyID: key.ID, Secret: apikey.Secret(secret)}, nil, 500},
		{middleware.Credential{KeyID: key.ID}, nil, 200},
		{middleware.Credential{KeyID: key.ID}, nil, 429},
	} {
		found, failed = step.found, step.failed
		w := serve(protected, request("GET", "/"))
		require.Equal(t, step.status, w.Code, "%+v", step)
		require.NotContains(t, w.Body.String(), "broken")
	}
}

// FuzzCredential checks that the extractors find at most one credential, that it is
// clean, and that they do not change the request. A credential beyond ASCII has the form
// of an imported secret.
func FuzzCredential(f *testing.F) {
	for _, s := range []string{"Bearer abc", "bearer  abc", "Bearer", "Basic eDp5", "abc", "", "Bearer é", "Bearer a\x00", "Bearer " + strings.Repeat("x", 600)} {
		f.Add(s, "abc", "key=abc&key=d")
		f.Add(s, "", "k%65y=abc")
	}
	f.Add("", strings.Repeat("é", 20), "")
	f.Add("", strings.Repeat("é", 19), "")
	f.Add("", strings.Repeat("é", 20)+"\u00a0", "")
	extract := middleware.OneOf(middleware.Bearer(), middleware.Header("X-API-Key"), middleware.Query("key"))
	f.Fuzz(func(t *testing.T, authorization, header, query string) {
		r := request("GET", "/", "Authorization", authorization, "X-API-Key", header)
		r.URL.RawQuery = query
		before := r.Clone(t.Context())
		c, err := extract(r)
		require.Equal(t, before.Header, r.Header)
		require.Equal(t, before.URL, r.URL)
		if err != nil {
			require.ErrorIs(t, err, middleware.ErrCredential)
			c.Header, c.Query = "", "" // the place of the bad credential
			require.Zero(t, c)
			return
		}
		if c == (middleware.Credential{}) {
			return
		}
		secret := string(c.Secret)
		require.Empty(t, c.KeyID)
		require.LessOrEqual(t, len(secret), 512)
		require.NotEmpty(t, secret)
		require.Equal(t, -1, strings.IndexFunc(secret, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) }))
		if strings.IndexFunc(secret, func(r rune) bool { return r > '~' }) >= 0 {
			require.True(t, utf8.ValidString(secret))
			require.GreaterOrEqual(t, utf8.RuneCountInString(secret), 20)
		}
		switch {
		case c.Header == "Authorization":
			require.Equal(t, "bearer ", strings.ToLower(authorization[:7]))
			require.Equal(t, secret, strings.TrimLeft(authorization[7:], " "))
			require.Empty(t, header)
		case c.Header != "":
			require.Equal(t, "X-Api-Key", c.Header)
			require.Equal(t, secret, header)
		default:
			require.Equal(t, "key", c.Query)
			require.Equal(t, []string{secret}, r.URL.Query()["key"])
		}
	})
}
