package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/sampledata"
)

// axe returns the source of axe-core, which `npm ci` installs here. Without it the test
// is skipped, or fails if the environment requires the browser.
func axe(t testing.TB) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil && os.Getenv("RATION_REQUIRE_CHROMIUM") == "1" {
		t.Fatalf("RATION_REQUIRE_CHROMIUM=1: %v: run npm ci in admin/browsertest", err)
	}
	if err != nil {
		t.Skipf("needs axe-core: %v: run npm ci in admin/browsertest", err)
	}
	return string(source)
}

// runAxe checks the page against the rules of WCAG 2.2 AA and the best practices of
// axe-core, and runContrast against those of colours alone. Both return a line for each
// violation.
var (
	runAxe      = run(`["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`)
	runContrast = run(`{type: "rule", values: ["color-contrast", "link-in-text-block"]}`)
)

func run(only string) string {
	return `axe.run(document, {resultTypes: ["violations"], runOnly: ` + only + `}).then(r =>
	r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary)))`
}

// wider returns what is wider than the window. Tables may scroll within it.
const wider = `[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, .hidden, .skip, svg, thead") &&
	e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40))`

// violations returns what axe-core finds on the page in light, and with the colours of
// dark. The pages have no script, so nothing else differs between the two.
func (b *tab) violations(source string) (found []string) {
	b.t.Helper()
	eval[chromedp.Void](b, source)
	for _, dark := range []bool{false, true} {
		rules := runAxe
		if dark {
			rules = runContrast
		}
		b.prefer(dark)
		found = append(found, get(b, chromedp.Evaluate[[]string](rules, chromedp.EvalAwaitPromise))...)
	}
	b.prefer(false)
	return found
}

// fewer leaves the first 12 rows in each table, since axe-core takes long for many. Among
// them are all kinds of keys: those of sampledata.Named. The rows of a table have the
// same template.
const fewer = `document.querySelectorAll("tbody").forEach(b => [...b.rows].slice(12).forEach(r => r.remove()))`

// TestAccessible checks every page in light and dark, wide and narrow: no violation of
// axe-core's rules, no horizontal scrolling, and nothing in the console.
func TestAccessible(t *testing.T) {
	find(t)
	t.Parallel()
	source := axe(t)
	s := newSite(t, 60)
	s.busy()
	key, off := sampledata.Named()[0].ID(), sampledata.Named()[6].ID()
	for _, l := range []look{wide, narrow} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			tab := open(t, l)
			check := func(where string) {
				t.Helper()
				require.Empty(t, eval[[]string](tab, wider), where)
				eval[chromedp.Void](tab, `document.querySelectorAll("details").forEach(d => d.open = true)`)
				require.Empty(t, eval[[]string](tab, wider), where)
				eval[chromedp.Void](tab, fewer)
				require.Empty(t, tab.violations(source), where)
			}
			tab.visit(s.url + "/audit")
			tab.leave(chromedp.Click(chromedp.CSS("main button")))
			check("the result of an audit")
			for _, path := range []string{
				"/", "/keys", "/keys?q=nothing", "/keys/" + key, "/keys/" + off, "/plans", "/plans/starter", "/plans/trial", "/groups", "/groups/contoso", "/changes",
				"/new-key", "/keys/" + key + "/rotate", "/keys/" + key + "/disable", "/keys/" + key + "/link", "/keys/" + key + "/unlink?plan=scale",
				"/keys/" + key + "/move?plan=scale", "/keys/" + key + "/restrict", "/keys/" + key + "/extend?plan=scale&quota=day",
			} {
				require.EqualValues(t, 200, tab.visit(s.url+path), path)
				tab.quiet() // axe-core may log
				check(path)
				tab.quiet()
			}
			require.EqualValues(t, 404, tab.visit(s.url+"/keys/none"))
			check("no such key")
			tab.visit(s.url + "/new-key")
			tab.run(chromedp.SetValue(chromedp.CSS("#expires"), "2020-02-02"))
			tab.leave(chromedp.Click(chromedp.CSS("main button")))
			check("a form with a fault")
			tab.run(chromedp.SetValue(chromedp.CSS("#expires"), ""))
			tab.leave(chromedp.Click(chromedp.CSS("main button")))
			require.NotEmpty(t, get(tab, chromedp.Value(chromedp.CSS("#secret"))))
			check("a secret")
		})
	}
}

// TestChecksFind checks that the checks of TestAccessible find mistakes.
func TestChecksFind(t *testing.T) {
	find(t)
	t.Parallel()
	source := axe(t)
	tab := open(t, narrow)
	tab.visit(newSite(t, 1).url + "/new-key")
	require.Empty(t, eval[[]string](tab, wider))
	eval[chromedp.Void](tab, `document.querySelector("label").remove(); document.querySelector("h1").style.color = "#eee"; document.querySelector(".card").style.minWidth = "400px"`)
	found := strings.Join(tab.violations(source), "\n")
	require.Contains(t, found, "label: #name")
	require.Contains(t, found, "color-contrast: ")
	require.NotEmpty(t, eval[[]string](tab, wider))
	eval[chromedp.Void](tab, `document.querySelector("h1").style.color = "#222"`) // dark on dark
	require.Contains(t, strings.Join(tab.violations(source), "\n"), "color-contrast: h1")

	eval[chromedp.Void](tab, `document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=alert(1)>")`)
	require.Eventually(t, func() bool { return len(tab.said()) > 0 }, patience, 10*time.Millisecond, "the policy forbids it, and the console says so")
}
