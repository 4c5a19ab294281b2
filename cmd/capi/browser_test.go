package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A browser is a running Chromium.
type browser struct{ ctx context.Context }

// startBrowser starts a Chromium with a new, empty profile, and stops it when
// the test ends.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const missing = "NOT TESTED: there is no chromium to test the page in (Debian: apt-get install chromium)"
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"), chromedp.Env("TZ=UTC"))...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		assert.NoError(t, chromedp.Cancel(ctx), "stopping Chromium")
		cancel()
		stop()
	})
	require.NoError(t, chromedp.Do(ctx), "starting Chromium")
	return &browser{ctx: ctx}
}

// A tab is a page of the browser, with its own cookies. All that a test does in
// it must be done within five minutes.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // What the browser says of failed scripts and violated policies.
}

// open opens a tab of width by height pixels, and closes it when the test ends.
// The test fails if a page in it has thrown an exception or violated its policy.
func (b *browser) open(t *testing.T, width, height int64) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	require.NoError(t, chromedp.Do(ctx), "opening a tab")
	limited, stop := context.WithTimeout(ctx, 5*time.Minute)
	tab := &tab{t: t, ctx: limited}
	t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		assert.Empty(t, tab.complaints, "complaints of the browser")
		stop()
		cancel()
	})
	require.NoError(t, chromedp.Listen(limited, func(event any) {
		var complaint string
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			complaint = event.ExceptionDetails.Text
			if event.ExceptionDetails.Exception != nil {
				complaint += " " + event.ExceptionDetails.Exception.Description
			}
		case *runtime.EventConsoleAPICalled: // The page itself writes nothing there.
			complaint = "console." + event.Type.String()
		case *log.EventEntryAdded:
			if event.Entry.Source != log.EntrySourceNetwork { // Some tests make requests fail.
				complaint = event.Entry.Text
			}
		}
		if complaint != "" {
			tab.mu.Lock()
			defer tab.mu.Unlock()
			tab.complaints = append(tab.complaints, complaint)
		}
	}))
	tell(tab, log.Enable, cdp.Empty{})
	tell(tab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.violations = [];
		addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));`})
	tab.do(chromedp.EmulateViewport(width, height))
	return tab
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, actions...))
}

// tell sends the browser a command of its protocol.
func tell[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err)
}

func (b *tab) goTo(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// load opens the page and waits until it says how reading the feed went.
func (b *tab) load(address string) {
	b.t.Helper()
	b.goTo(address)
	b.eventually(`document.getElementById("state").dataset.state !== "loading"`)
}

// eventually waits until a JavaScript expression is true.
func (b *tab) eventually(expression string) {
	b.t.Helper()
	b.within(20*time.Second, expression)
}

// within is eventually, for as long as given.
func (b *tab) within(patience time.Duration, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for !eval[bool](b, expression) {
		require.True(b.t, time.Now().Before(deadline), "this has not become true: %s", expression)
		time.Sleep(20 * time.Millisecond)
	}
}

// scroll presses a key until a JavaScript expression is true: the browser drops
// a key while it still scrolls smoothly for the previous one.
func (b *tab) scroll(key, expression string) {
	b.t.Helper()
	for range 20 {
		b.press(key)
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if eval[bool](b, expression) {
				return
			}
		}
	}
	require.Fail(b.t, "this has not become true: "+expression)
}

// eval returns the value of a JavaScript expression, and awaits a promise.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return value
}

// text returns the text of the first element that selector matches.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%s).textContent`, quote(selector)))
}

// column returns the texts of a column of the rows on the screen.
func (b *tab) column(class string) []string {
	b.t.Helper()
	return eval[[]string](b, fmt.Sprintf(`Array.from(document.querySelectorAll("#spacer > .row"))
		.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
		.map((row) => row.querySelector(%s)?.textContent ?? row.textContent)`, quote(class)))
}

// press types keys into whatever has the focus.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// tabTo presses the Tab key until the element that selector matches has the
// focus.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		b.press("\t")
		if eval[bool](b, fmt.Sprintf(`document.activeElement.matches(%s)`, quote(selector))) {
			return
		}
	}
	require.Fail(b.t, "the Tab key does not lead there", selector)
}

// click clicks the element that selector matches.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector))
}

// focus gives the focus to the element that selector matches.
func focus(selector string) chromedp.Action[chromedp.Void] { return chromedp.Focus(selector) }

// clear empties a search field as its user would, with the Escape key.
func clear(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Focus(selector), chromedp.KeyEvent(kb.Escape))
}

// dark makes the browser prefer dark pages, or light ones.
func (b *tab) dark(dark bool) {
	b.t.Helper()
	value := "light"
	if dark {
		value = "dark"
	}
	tell(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
}

// measured returns the durations of the page's measurements of that name, in
// order.
func (b *tab) measured(name string) []time.Duration {
	b.t.Helper()
	var list []time.Duration
	for _, ms := range eval[[]float64](b, fmt.Sprintf(`performance.getEntriesByName(%s).map(({duration}) => duration)`, quote(name))) {
		list = append(list, time.Duration(ms*float64(time.Millisecond)).Round(100*time.Microsecond))
	}
	return list
}

// screenshot saves the visible part of the page.
func (b *tab) screenshot(path string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(path, png, 0o644))
	b.t.Logf("%s: %d KB", path, len(png)/1024)
	assert.Less(b.t, len(png), 300<<10)
}

// expectComplaints removes the complaints that contain text, and requires that
// there are some.
func (b *tab) expectComplaints(text string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []string
	for _, complaint := range b.complaints {
		if !strings.Contains(complaint, text) {
			rest = append(rest, complaint)
		}
	}
	assert.Less(b.t, len(rest), len(b.complaints), "the browser does not complain of %s", text)
	b.complaints = rest
}

// quote returns s as a JavaScript literal.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // A string can always be marshalled.
	}
	return string(text)
}
