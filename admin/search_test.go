package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
)

// TestBlankSearch checks that a search for nothing lists all keys, page by page.
func TestBlankSearch(t *testing.T) {
	f := newFixture(t)
	for i := range 60 {
		f.key(apikey.Key{ID: fmt.Sprintf("x%02d", i)})
	}
	seen := map[string]bool{}
	for path := "/usage/keys?q=+++"; path != ""; {
		page := f.get(path)
		for _, row := range strings.Split(page, `class="name" href="/usage/keys/`)[1:] {
			id, _, _ := strings.Cut(row, `"`)
			require.False(t, seen[id], "%s is on two pages", id)
			seen[id] = true
		}
		_, rest, _ := strings.Cut(page, `<a class="button" href="/usage/keys?`)
		query, _, more := strings.Cut(rest, `" rel="next"`)
		path = ""
		if more {
			path = "/usage/keys?" + strings.ReplaceAll(query, "&amp;", "&")
		}
	}
	require.Len(t, seen, 60)
}

// TestSearchForSecret pastes secrets in the ways in which people do. None is searched
// for, and none is shown.
func TestSearchForSecret(t *testing.T) {
	f := newFixture(t)
	format := apikey.Format{Prefix: "acme"}
	f.keys = must(apikey.NewService(f.st, apikey.Config{KeyFormat: format}))
	f.page = must(admin.New(f.keys, f.plans, f.groups, f.gate, admin.AuthFunc(func(*http.Request) (string, bool) { return "ada", true }), admin.Config{}))
	secret := f.key(apikey.Key{ID: "k"})
	for _, pasted := range []string{string(secret), " " + string(secret) + "\n", `"` + string(secret) + `"`, "x-api-key: " + string(secret), "Bearer " + string(secret), "key=" + string(secret) + ";"} {
		page := f.get("/usage/keys?" + encode(fields{"q": pasted}))
		require.Contains(t, page, "looks like a whole secret", pasted)
		require.NotContains(t, page, string(secret))
	}
}

// TestSearchCutsNoCharacter searches for a name that is longer than a query may be. The
// part that counts ends with a whole character.
func TestSearchCutsNoCharacter(t *testing.T) {
	f := newFixture(t)
	name := strings.Repeat("a", 199) + "éé"
	f.key(apikey.Key{ID: "k", Name: name})
	page := f.get("/usage/keys?q=" + url.QueryEscape(name))
	require.True(t, utf8.ValidString(page))
	require.Contains(t, page, `href="/usage/keys/k"`)
}
