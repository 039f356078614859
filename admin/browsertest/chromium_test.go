package browsertest

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience bounds one test in the browser.
const patience = 60 * time.Second

// chromium is the browser that all tests share. Each test has tabs of its own.
var chromium browser

// A browser is a headless Chromium. It starts with the first test that needs it.
type browser struct {
	once sync.Once
	ctx  context.Context
	stop []context.CancelFunc
	err  error
}

// plainHost is a name of this machine that browsers do not trust without TLS.
const plainHost = "ration.example.com"

// names are those of Chromium, as systems have them.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// find returns the path of Chromium. Without one the test is skipped, or fails if the
// environment has RATION_REQUIRE_CHROMIUM=1.
func find(t testing.TB) (path string) {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("RATION_REQUIRE_CHROMIUM") == "1" {
		t.Fatalf("RATION_REQUIRE_CHROMIUM=1: none of %s is on the PATH", strings.Join(names, ", "))
	}
	t.Skipf("needs Chromium: none of %s is on the PATH", strings.Join(names, ", "))
	return ""
}

// start starts the browser, if it does not run yet. It listens on a port that it chooses.
func (b *browser) start(t testing.TB) context.Context {
	t.Helper()
	path := find(t)
	b.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("hide-scrollbars", true),
			chromedp.Flag("host-resolver-rules", "MAP "+plainHost+" 127.0.0.1"))
		if os.Geteuid() == 0 { // the sandbox refuses root
			options = append(options, chromedp.NoSandbox)
		}
		ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
		b.stop = append(b.stop, stop)
		b.ctx, stop = chromedp.NewContext(ctx)
		b.stop = append(b.stop, stop)
		b.err = chromedp.Do(b.ctx)
	})
	require.NoError(t, b.err)
	return b.ctx
}

// close ends the process of the browser, if a test has started it.
func (b *browser) close() {
	b.once.Do(func() {})
	for i := len(b.stop) - 1; i >= 0; i-- {
		b.stop[i]()
	}
}

// A look is how a tab shows pages.
type look struct {
	name          string
	width, height int64
	dark          bool
}

var (
	wide   = look{"light", 1280, 900, false}
	dark   = look{"dark", 1280, 900, true}
	narrow = look{"narrow", 360, 780, false}
	night  = look{"narrow-dark", 360, 780, true}
)

// A tab is a tab of the browser. It notes what the console says.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	messages []string
}

// open opens a tab that is closed with the test. A test fails if a page in it writes to
// the console, or breaks its Content-Security-Policy.
func open(t testing.TB, l look) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(chromium.start(t))
	t.Cleanup(closeTab)
	require.NoError(t, chromedp.Do(ctx)) // the tab lives as long as this context
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	tab := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, tab.listen))
	call(tab, log.Enable, cdp.Empty{})
	tab.prefer(l.dark)
	tab.run(chromedp.EmulateViewport(l.width, l.height))
	return tab
}

// prefer sets whether the person at the browser prefers dark colours.
func (b *tab) prefer(dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err)
	return result
}

// listen notes messages of the console: errors, warnings and violations of the policy.
func (b *tab) listen(event any) {
	text := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		text = string(e.Entry.Level) + ": " + e.Entry.Text + " " + e.Entry.URL
	case *runtime.EventConsoleAPICalled:
		text = "console." + string(e.Type)
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
	}
	if text != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.messages = append(b.messages, text)
	}
}

// quiet fails the test if the console has a message.
func (b *tab) quiet() {
	b.t.Helper()
	require.Empty(b.t, b.said())
}

// said returns the messages of the console.
func (b *tab) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// run runs actions of the driver.
func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// get runs an action of the driver and returns its value.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	require.NoError(b.t, err)
	return v
}

// eval runs an expression in the page and returns its value.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression))
}

// visit goes to a page and returns its status.
func (b *tab) visit(url string) int64 { return b.leave(chromedp.Navigate(url)) }

// leave runs an action that leads to another page, such as a click, and returns the
// status of that page.
func (b *tab) leave(action chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, action)
	require.NoError(b.t, err)
	return response.Status
}
