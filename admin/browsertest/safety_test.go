package browsertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/sampledata"
	"github.com/ration-go/ration/usageplan"
)

// nasty are names that would do harm in a page that does not escape them.
var nasty = []string{
	`<script>window.harm = 1</script>`,
	`"><img src=x onerror="window.harm = 1">`,
	`' onmouseover='window.harm = 1`,
	`</title></textarea></option></select><svg onload="window.harm = 1">`,
	`javascript:window.harm = 1`,
	`{{.Token}} ${window.harm = 1}`,
	"safe \u202eecilA\u202c end \u2066 isolate",
	"<!-- --><b>&amp;&lt;",
}

// TestEscaping looks for names with markup in the DOM: they are texts there, and no
// element or handler is made of them. The listings have each name, and the other pages
// have all of them in one.
func TestEscaping(t *testing.T) {
	find(t)
	t.Parallel()
	s, ctx := newSite(t, 1), t.Context()
	all := strings.Join(nasty, " ")
	var ids []string
	for i, name := range append(slices.Clone(nasty), all) {
		id := "nasty-" + string(rune('a'+i))
		ids = append(ids, id)
		_, err := s.plans.Create(ctx, usageplan.Plan{ID: id, Name: name, Description: name})
		require.NoError(t, err)
		_, err = s.groups.Create(ctx, usageplan.Group{ID: id, Name: name, PlanID: id})
		require.NoError(t, err)
		_, _, err = s.keys.Create(ctx, apikey.Key{ID: id, Name: name, Description: name, CustomerID: name, GroupID: id, Enabled: true})
		require.NoError(t, err)
		require.NoError(t, s.plans.Link(ctx, id, id))
	}
	tab := open(t, wide)
	shows := func(path string, names ...string) {
		t.Helper()
		require.EqualValues(t, 200, tab.visit(s.url+path), path)
		harmless(t, tab)
		texts := strings.Join(eval[[]string](tab, `[...document.querySelectorAll("bdi, option")].map(e => e.textContent)`), "\n")
		for _, name := range names {
			require.Contains(t, texts, name, path)
		}
	}
	for i, name := range nasty {
		shows("/keys/"+ids[i], name)
	}
	last := ids[len(nasty)]
	for _, path := range []string{
		"/keys/" + last, "/plans/" + last, "/groups/" + last, "/new-key?plan=" + last, "/keys/" + last + "/rotate", "/keys/" + last + "/disable",
		"/keys/" + last + "/link", "/keys/" + last + "/move?plan=" + last, "/keys/" + last + "/unlink?plan=" + last,
	} {
		shows(path, all)
	}
	for _, path := range []string{"/keys", "/plans", "/groups", "/new-key", "/keys/" + last + "/link"} {
		shows(path, nasty...)
	}
	for _, path := range []string{"/", "/changes", "/keys?q=%3Cscript%3Ewindow.harm=1%3C/script%3E", "/keys?q=%22%3E%3Cimg%20src=x%20onerror=%22window.harm=1%22%3E"} {
		shows(path)
	}
	tab.visit(s.url + "/keys/nasty-g")
	require.Equal(t, "isolate", eval[string](tab, `getComputedStyle(document.querySelector("h1 bdi")).unicodeBidi`), "a name with marks turns no text beside it")
	tab.quiet()
}

// harmless fails the test if a name has become markup.
func harmless(t *testing.T, b *tab) {
	t.Helper()
	require.Empty(t, eval[[]string](b, `[
		...(typeof window.harm == "undefined" ? [] : ["a script ran"]),
		...[...document.querySelectorAll("script, main img, [onerror], [onload], [onmouseover], [style], main svg[onload]")].map(e => e.outerHTML),
		...[...document.querySelectorAll("a")].map(a => a.protocol).filter(p => p != "http:"),
	]`))
}

// TestOtherSite checks that a form of another site, which the browser sends with the
// password of the person that is signed in, changes nothing.
func TestOtherSite(t *testing.T) {
	find(t)
	t.Parallel()
	s := newSite(t, 1)
	tab := open(t, wide)
	key := sampledata.Named()[9].ID()
	tab.visit(s.url + "/keys/" + key)
	require.NoError(t, s.plans.Link(t.Context(), "free", key))
	tab.visit(s.url + "/keys/" + key + "/rotate")
	token := get(tab, chromedp.Value(chromedp.CSS("input[name=token]")))
	target := strings.Replace(s.url, "ada:secret@", "", 1) + "/keys/" + key + "/disable"
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<form method="post" action="` + target + `"><input name="token" value="` + token + `"><button>Win a prize</button></form>`))
	}))
	defer evil.Close()
	tab.visit(strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)) // another site for the browser
	require.EqualValues(t, http.StatusForbidden, tab.leave(chromedp.Click(chromedp.CSS("button"))))
	require.Contains(t, get(tab, chromedp.Text(chromedp.CSS("body"))), "from another site")
	k, err := s.keys.Get(t.Context(), key)
	require.NoError(t, err)
	require.True(t, k.Enabled)

	tab.visit(s.url + "/keys/" + key + "/disable") // the page's own form
	require.EqualValues(t, http.StatusOK, tab.leave(chromedp.Click(chromedp.CSS("button.danger"))))
	k, err = s.keys.Get(t.Context(), key)
	require.NoError(t, err)
	require.False(t, k.Enabled)

	framing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<iframe src="` + target + `"></iframe>`))
	}))
	defer framing.Close()
	tab.visit(framing.URL)
	require.Contains(t, strings.Join(tab.said(), "\n"), "frame-ancestors")
}

// TestKeyboard goes from the listing to a new key and back with the keyboard alone.
func TestKeyboard(t *testing.T) {
	find(t)
	t.Parallel()
	s := newSite(t, 1)
	tab := open(t, wide)
	focused := func() string {
		return eval[string](tab, `(e => (e.id || e.textContent || e.name).trim())(document.activeElement)`)
	}
	// to presses Tab until an element has the focus, which must then be visible.
	to := func(want string) {
		t.Helper()
		for range 40 {
			tab.run(chromedp.KeyEvent(kb.Tab))
			if focused() == want {
				require.Equal(t, "solid", eval[string](tab, `getComputedStyle(document.activeElement).outlineStyle`), want)
				return
			}
		}
		t.Fatalf("no %q within 40 steps", want)
	}
	tab.visit(s.url + "/keys")
	tab.run(chromedp.KeyEvent(kb.Tab))
	require.Equal(t, "Skip to the content", focused(), "the first step")
	require.True(t, eval[bool](tab, `document.activeElement.getBoundingClientRect().left > 0`), "it is visible then")
	tab.run(chromedp.KeyEvent(kb.Enter))
	to("Create a key")
	tab.leave(chromedp.KeyEvent(kb.Enter))
	to("name")
	tab.run(chromedp.KeyEvent("By keyboard"))
	to("plan")
	tab.run(chromedp.KeyEvent("Fre"))
	to("Create the key")
	require.EqualValues(t, http.StatusOK, tab.leave(chromedp.KeyEvent(kb.Enter)))
	secret := get(tab, chromedp.Value(chromedp.CSS("#secret")))
	k, err := s.keys.GetBySecret(t.Context(), apikey.Secret(secret))
	require.NoError(t, err)
	links, err := s.plans.KeyLinks(t.Context(), k.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"By keyboard", "free"}, []string{k.Name, links[0].PlanID})
	require.NotContains(t, get(tab, chromedp.Location()), secret)

	to("I have copied it")
	tab.leave(chromedp.KeyEvent(kb.Enter))
	require.Contains(t, get(tab, chromedp.Location()), "/keys/"+k.ID)
	require.NotContains(t, get(tab, chromedp.OuterHTML(chromedp.CSS("html"))), secret)
	tab.quiet()
}

// TestWithoutScript checks that the pages work in a browser that runs no script.
func TestWithoutScript(t *testing.T) {
	find(t)
	t.Parallel()
	s := newSite(t, 60)
	tab := open(t, narrow)
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.visit(s.url + "/keys")
	tab.leave(chromedp.Click(chromedp.CSS("a[rel=next]")))
	tab.leave(chromedp.Click(chromedp.CSS("tbody a.name")))
	// By keyboard, since a click misses if the page moves meanwhile.
	tab.run(chromedp.Focus(chromedp.CSS(".chart summary")), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS(".chart table")))
	tab.leave(chromedp.Click(chromedp.CSS(".actions a")))
	require.EqualValues(t, http.StatusOK, tab.leave(chromedp.Click(chromedp.CSS("button.danger"))))
	require.NotEmpty(t, get(tab, chromedp.AttributeValue(chromedp.CSS("#secret"), "value")))
	tab.quiet()
}
