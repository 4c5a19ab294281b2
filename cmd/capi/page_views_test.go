package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pageWidths looks at the page in windows of several widths and languages: nothing
// overlaps, no word is cut, and nothing scrolls sideways. 320 pixels are also
// 1280 at 400 %.
func pageWidths(t *testing.T, b *browser, address string) {
	folder := os.Getenv("CAPI_SCREENSHOTS")
	tab := b.open(t, 1280, 960)
	for i, language := range []string{"en", "de", "fr", "ar"} {
		before, fragment, _ := strings.Cut(address, "#")
		tab.goTo(before + "?language=" + language + "#" + fragment)
		tab.eventually(whole)
		tab.eventually(`document.querySelectorAll("#spacer > .row").length > 5`)
		assert.Equal(t, language, eval[string](tab, `document.documentElement.lang`))
		for _, width := range []int64{320, 400, 768, 820, 1024, 1100, 1280, 1920} {
			tab.do(chromedp.EmulateViewport(width, 960))
			tab.eventually(onScreenOrBelow)
			assert.Empty(t, eval[[]string](tab, cutOrOverlapping), "%s at %d", language, width)
			noScrolling(t, tab, width)
			if folder != "" && (i == 0 || width == 400 || width == 1280) {
				tab.screenshot(filepath.Join(folder, fmt.Sprintf("%s-%d.png", language, width)))
				tab.dark(true)
				tab.screenshot(filepath.Join(folder, fmt.Sprintf("%s-%d-dark.png", language, width)))
				tab.dark(false)
			}
		}
		// The spacing of text that WCAG 2.2, 1.4.12 wants to be possible.
		tab.do(chromedp.EmulateViewport(320, 960))
		eval[bool](tab, `(() => {
			const sheet = new CSSStyleSheet();
			sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }");
			document.adoptedStyleSheets = [sheet];
			return true;
		})()`)
		// Rows that are tall in one window are also tall in a slightly wider one.
		for _, width := range []int64{340, 320} {
			tab.do(chromedp.EmulateViewport(width, 960))
			tab.eventually(`document.getElementById("table").dataset.tall === ""`)
			tab.eventually(onScreenOrBelow)
			noScrolling(t, tab, width)
			assert.Empty(t, eval[[]string](tab, cutOrOverlapping), "%s at %d with more space", language, width)
		}
		tab.noViolations(axe(t), language)
	}
}

// pageResized makes a window narrower and wider, as who turns a telephone does:
// the first row on the screen stays, and the scroll bar is where it belongs.
func pageResized(t *testing.T, b *browser, address string) {
	tab := b.open(t, 1280, 960)
	tab.goTo(address)
	tab.eventually(whole)
	tab.eventually(`document.querySelectorAll("#spacer > .row").length > 5`)
	eval[bool](tab, `(() => {
		const height = document.querySelector("#spacer > .row").getBoundingClientRect().height;
		document.getElementById("scroller").scrollTop = 100 * height;
		return true;
	})()`)
	for _, width := range []int64{1280, 900, 320, 400, 1280} {
		tab.do(chromedp.EmulateViewport(width, 960))
		tab.eventually(`(() => {
			const scroller = document.getElementById("scroller"), {top} = scroller.getBoundingClientRect();
			const row = Array.from(document.querySelectorAll("#spacer > .row")).find((row) => row.getBoundingClientRect().bottom > top + 2);
			return row?.ariaRowIndex === "102" && Math.abs(scroller.scrollTop - 100 * row.getBoundingClientRect().height) < 2;
		})()`)
	}
}

// onScreenOrBelow is true when the rows have the height that they need.
const onScreenOrBelow = `new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
	const [first, second] = document.querySelectorAll("#spacer > .row");
	resolve(Math.abs(first.getBoundingClientRect().bottom - second.getBoundingClientRect().top) < 1.5);
})))`

// cutOrOverlapping are the elements with text that does not fit, and those that
// others overlap.
const cutOrOverlapping = `(() => {
	const found = [];
	const say = (what, element) => found.push(what + " " + element.tagName + "." + element.className + " " + element.id + ": " + element.textContent.slice(0, 60));
	let seen = 0;
	for (const element of document.querySelectorAll("h1, h2, button, label > span, th, td, p, a, .badge, .label, .value, .row .name, [role=columnheader], .tile > span")) {
		// Who has a long name has it in the details. What is hidden is no matter.
		if (!element.checkVisibility() || element.matches(".hidden, .skip") || element.closest("#printed")) continue;
		const clipped = element.closest(".notes");
		if (clipped && element.getBoundingClientRect().top >= clipped.getBoundingClientRect().bottom - 1) continue;
		seen++;
		const long = element.matches(".name") && element.textContent.length > 20;
		if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && !long) say("cut", element);
		const box = element.getBoundingClientRect(); // Tables of numbers scroll by themselves.
		if (element.closest(".numbers")) continue;
		if (box.left < -1 || box.right > innerWidth + 1) say("outside", element);
	}
	for (const row of document.querySelectorAll("#spacer > .row, #head > .row")) {
		const boxes = Array.from(row.children).filter((cell) => cell.checkVisibility()).map((cell) => [cell, cell.getBoundingClientRect()]);
		for (const [i, [cell, a]] of boxes.entries()) {
			if (boxes.slice(i + 1).some(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)) say("overlaps", cell);
			if (cell.scrollHeight > cell.clientHeight + 1) say("too high " + [cell.scrollHeight, cell.clientHeight, row.clientHeight], cell);
		}
	}
	if (seen < 100) found.push("nothing to see");
	return found;
})()`

// pageAddress goes back and forth, reloads, and follows links.
func pageAddress(t *testing.T, b *browser, site *testSite, address string) {
	tab := b.open(t, 1280, 960)
	tab.goTo(address + "?find=ada#token=" + site.token())
	tab.eventually(whole)
	shown := func(what string) {
		tab.eventually(`document.getElementById("shown").textContent.startsWith(` + quote(what) + `)`)
	}
	query := func() string { return eval[string](tab, `location.search`) }
	assert.Equal(t, "ada", eval[string](tab, `document.getElementById("filter").value`), "a link says what to find")
	tab.eventually(`Array.from(document.querySelectorAll("#spacer .name")).every(({textContent}) => textContent.startsWith("Ada "))`)
	tab.do(clear("#filter"))
	tab.eventually(`location.search === ""`)
	tab.click(".tile.waiting")
	shown("Shown: 1 person in 1 session")
	assert.Equal(t, "?show=waiting", query())
	eval[bool](tab, `(() => { document.querySelector("[data-column=user] button").click(); return true })()`)
	tab.eventually(`location.search === "?show=waiting&sort=user"`)
	for _, want := range []string{"?show=waiting", ""} {
		eval[bool](tab, `(() => { history.back(); return true })()`)
		tab.eventually(`location.search === ` + quote(want))
	}
	tab.eventually(`document.querySelector(".tile.waiting").getAttribute("aria-pressed") === "false"`)
	assert.Equal(t, "descending", eval[string](tab, `document.querySelector("[data-column=last]").getAttribute("aria-sort")`))

	// By hand, another language, without a reload.
	eval[bool](tab, `(() => { const language = document.getElementById("language"); language.value = "de"; return language.dispatchEvent(new Event("change")) })()`)
	tab.eventually(`document.documentElement.lang === "de" && document.title === "Wer ist angemeldet"`)
	tab.eventually(`/vor \d+ (Sek|Min)/.test(document.querySelector("#spacer time").textContent)`)
	assert.Equal(t, "?language=de", query())
	assert.Contains(t, tab.text("#head"), "Letzte Aktivität")

	// A spreadsheet of what is shown, and of nothing else.
	eval[bool](tab, `(() => {
		const real = URL.createObjectURL;
		URL.createObjectURL = (blob) => { blob.text().then((text) => window.saved = text); return real(blob) };
		document.querySelector(".tile.waiting").click();
		return true;
	})()`)
	tab.eventually(`document.getElementById("shown").textContent.includes("1 Person in 1 Sitzung")`)
	tab.click("#save")
	tab.eventually(`window.saved !== undefined`)
	lines := strings.Split(strings.TrimSuffix(eval[string](tab, `saved`), "\r\n"), "\r\n")
	require.Len(t, lines, 2)
	assert.True(t, strings.HasPrefix(lines[0], `"Website","Benutzer-ID","Benutzername"`), lines[0])
	assert.Contains(t, lines[1], `"super"`)
	assert.Contains(t, lines[1], "wartet auf zweiten Faktor")

	// The token is in memory alone, unless its user wishes otherwise.
	tab.load(address)
	assert.Equal(t, "unauthenticated", eval[string](tab, `document.getElementById("state").dataset.state`), "it is forgotten")
	tab.click("#keep")
	tab.do(focus("#token"))
	tab.press(site.token(), kb.Enter)
	tab.eventually(whole)
	tab.load(address + "?show=ended")
	tab.eventually(whole)
	assert.NotContains(t, eval[string](tab, `location.href + document.documentElement.outerHTML + Object.values(localStorage) + document.cookie`), site.token())
	tab.click("#forget")
	tab.eventually(`document.getElementById("state").dataset.state === "unauthenticated"`)
	assert.Equal(t, 0, eval[int](tab, `localStorage.length + sessionStorage.length`))
	assert.Empty(t, eval[[]string](tab, `violations`))
}
